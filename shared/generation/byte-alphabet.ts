/**
 * The alphabet in which byte-level vocabularies are written: every byte is one visible character.
 * Printable Latin-1 stands for itself, the rest follows from U+0100 on (Radford et al., GPT-2, 2019).
 */
const printable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad)

const letters: string[] = []
for (let byte = 0, others = 0; byte < 256; byte += 1) {
  letters.push(String.fromCharCode(printable(byte) ? byte : 0x100 + others++))
}
const bytes = new Map(letters.map((letter, byte) => [letter, byte]))

/** The character of each byte. */
export const byteLetters: readonly string[] = letters

/** The bytes of a word of the vocabulary. */
export function bytesOfWord(word: string): Uint8Array {
  return Uint8Array.from([...word], (letter) => {
    const byte = bytes.get(letter)
    if (byte === undefined) throw new RangeError('A word has a character that stands for no byte.')
    return byte
  })
}
