const magic = Buffer.from('\x7fELF', 'latin1')

/** `e_machine` of a little-endian ELF file: 62 = x86-64, 183 = AArch64; undefined if it is none. */
export function elfMachine(bytes: Uint8Array): number | undefined {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 20))
  return header.length === 20 && header.subarray(0, 4).equals(magic)
    ? header.readUInt16LE(18)
    : undefined
}
