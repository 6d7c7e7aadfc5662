import { createRandom } from '#test/simulator/random.ts'

/** Lengths of flowers as JSON lines, the same each time; one line of a hundred is none. */
export function irisRows(count: number): Buffer {
  const random = createRandom(7)
  const length = (most: number) => (random.next() * most).toFixed(1)
  const lines = Array.from({ length: count }, (_, index) =>
    index % 100 === 42 ? 'bad' : `[${length(8)},${length(5)},${length(7)},${length(3)}]`,
  )
  return Buffer.from(`${lines.join('\n')}\n`)
}
