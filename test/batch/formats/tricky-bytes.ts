import fc from 'fast-check'

const pieces = [
  '\n', '\n', '\n', '\r\n', '\r', '"', '"', '""', '","', ',', '\ufeff', 'é', '€', '😀', '\0', 'a', 'bc',
  '{"a":1}', '[1,2]', ' ', '\\', '\\"',
].map((text) => Buffer.from(text)) // biome-ignore format: a row of pieces

const broken = [[0xff], [0xc3], [0xe2, 0x82], [0xef, 0xbb], [0xbf]].map((bytes) =>
  Buffer.from(bytes),
)

/** Small files of all that a splitter may stumble over. */
export const trickyBytes = fc
  .array(fc.constantFrom(...pieces, ...pieces, ...broken), { maxLength: 24 })
  .map((parts) => Buffer.concat(parts))
