/** JSON with big integers as strings of digits: its numbers are floats. */
export const exactJson = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? part.toString() : part))
