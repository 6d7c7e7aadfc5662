import type { Random } from '#test/simulator/random.ts'
import { judge, notText } from './line-scorer.ts'

/** A file of texts, with some lines that are none, and empty ones. */
export function drawInput(random: Random): string {
  const lines = Array.from({ length: random.integer(0, 14) }, (_, index) => {
    const kind = random.next()
    if (kind < 0.1) return ''
    if (kind < 0.2) return 'nope'
    if (kind < 0.3) return String(index)
    return JSON.stringify(`text ${index} ${'ä'.repeat(random.integer(0, 12))}`)
  })
  return lines.join('\n') + (random.chance(0.5) && lines.length > 0 ? '\n' : '')
}

export interface ExpectedOutputs {
  readonly results: readonly string[]
  readonly errors: readonly string[]
}

/** What must come out: one line after the other, as anybody would write it down. */
export function expectedOutputs(input: string): ExpectedOutputs {
  const results: string[] = []
  const errors: string[] = []
  let offset = 0
  let record = 0
  for (const [index, text] of input.split('\n').entries()) {
    if (text !== '') {
      record += 1
      if (text.startsWith('"')) {
        results.push(JSON.stringify({ record, outputs: judge(JSON.parse(text)) }))
      } else {
        const error =
          text === 'nope'
            ? { code: 'json_invalid', detail: 'The JSON is malformed or cut off.' }
            : notText
        errors.push(JSON.stringify({ record, line: index + 1, error, offset }))
      }
    }
    offset += Buffer.byteLength(text) + 1
  }
  return { results, errors }
}
