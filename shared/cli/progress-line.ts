import { formatBytes } from './format-bytes.ts'
import { isTerminal } from './terminal.ts'

export interface ProgressLine {
  /** Draws the line anew, where it can be seen: label, bar, and what else there is to say. */
  update(label: string, doneBytes: number, totalBytes: number, rest?: string): void
  /** Takes the line away, so that other lines can be written. */
  clear(): void
  /** Takes the line away and writes this one in its place, on a terminal or not. */
  end(text: string): void
}

export interface ProgressLineOptions {
  stream?: NodeJS.WriteStream
  now?: () => number
}

const barWidth = 24
const redrawMs = 50

/** One line of progress on standard error. Where that is no terminal, only its end is written. */
export function progressLine({
  stream = process.stderr,
  now = Date.now,
}: ProgressLineOptions = {}): ProgressLine {
  const drawn = isTerminal(stream)
  let visible = false
  let drawnAt = Number.NEGATIVE_INFINITY

  const clear = (): void => {
    if (visible) stream.write('\r\x1b[2K')
    visible = false
  }
  return {
    update(label, doneBytes, totalBytes, rest) {
      if (!drawn || now() - drawnAt < redrawMs) return
      drawnAt = now()
      const share = totalBytes > 0 ? doneBytes / totalBytes : 0
      const filled = Math.round(share * barWidth)
      const bar = '━'.repeat(filled) + '╌'.repeat(barWidth - filled)
      const percent = `${Math.floor(share * 100)} %`.padStart(5)
      const size = formatBytes(totalBytes)
      const text = `${label} ${bar}${percent} of ${size}${rest ? `, ${rest}` : ''}`
      // A line that wraps could not be drawn over.
      stream.write(`\r\x1b[2K${text.slice(0, (stream.columns ?? text.length + 1) - 1)}`)
      visible = true
    },
    clear,
    end(text) {
      clear()
      drawnAt = Number.NEGATIVE_INFINITY
      stream.write(`${text}\n`)
    },
  }
}
