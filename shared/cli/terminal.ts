import pc from 'picocolors'

/** Whether a stream is a terminal that a person watches, on which lines can be drawn over. */
export const isTerminal = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && stream.getColorDepth() > 1

/** Colours for standard output and standard error: each only where it is a terminal. */
export const outColors = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true)
export const errorColors = pc.createColors(pc.isColorSupported && process.stderr.isTTY === true)

/** What a command was asked for: it goes to standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export const printJson = (value: unknown): void => print(JSON.stringify(value, undefined, 2))

/** What is said beside it: it goes to standard error. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}
