import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { progressLine } from '#shared/cli/progress-line.ts'

/** A stream that remembers, and says of itself that a person watches it. */
function newStream({ isTTY, colorDepth = 8 }: { isTTY: boolean; colorDepth?: number }) {
  const written: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  const terminal = Object.assign(stream, { isTTY, getColorDepth: () => colorDepth })
  return { stream: terminal as unknown as NodeJS.WriteStream, written }
}

describe('progressLine', () => {
  it('draws over itself on a terminal, and gives way to its end', () => {
    const { stream, written } = newStream({ isTTY: true })
    let time = 0
    const line = progressLine({ stream, now: () => time })
    line.update('pulling iris', 250_000, 1_000_000)
    time += 100
    line.update('pulling iris', 1_000_000, 1_000_000)
    line.end('pulled iris')
    expect(written).toEqual([
      `\r\x1b[2Kpulling iris ${'━'.repeat(6)}${'╌'.repeat(18)} 25 % of 1.0 MB`,
      `\r\x1b[2Kpulling iris ${'━'.repeat(24)}100 % of 1.0 MB`,
      '\r\x1b[2K',
      'pulled iris\n',
    ])
  })

  it('never fills the width of the terminal, where it would wrap', () => {
    const { stream, written } = newStream({ isTTY: true })
    const line = progressLine({ stream: Object.assign(stream, { columns: 60 }) })
    line.update('scoring', 1_000, 4_000, `${'9'.repeat(60)} records`)
    const text = written[0]?.replace('\r\x1b[2K', '')
    expect(text).toBe(`scoring ${'━'.repeat(6)}${'╌'.repeat(18)} 25 % of 4.0 kB, 9999999999`)
    expect(text).toHaveLength(59)
  })

  it('draws no more often than a person can see', () => {
    const { stream, written } = newStream({ isTTY: true })
    const line = progressLine({ stream, now: () => 0 })
    for (let done = 0; done < 1_000; done += 1) line.update('pulling iris', done, 1_000)
    expect(written).toHaveLength(1)
  })

  it.each([{ isTTY: false }, { isTTY: true, colorDepth: 1 }])(
    'writes its end and nothing else to %o',
    (terminal) => {
      const { stream, written } = newStream(terminal)
      const line = progressLine({ stream })
      line.update('pulling iris', 1, 2)
      line.clear()
      line.end('pulled iris')
      expect(written).toEqual(['pulled iris\n'])
    },
  )
})
