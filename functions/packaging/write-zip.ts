import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import type { PackageFiles } from './package-files.ts'

/** A zip whose bytes depend on nothing but the files: same input, same digest, no needless deploy. */
export async function writeZip(files: PackageFiles): Promise<Buffer> {
  const zip = new ZipFile()
  // A zip holds local time; made of local parts, this is the same bytes in every time zone.
  const mtime = new Date(2000, 0, 1)
  for (const [path, bytes] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    zip.addBuffer(content, path, {
      mtime,
      mode: 0o100644,
      compressionLevel: 9,
      forceDosTimestamp: true,
    })
  }
  zip.end()
  return buffer(zip.outputStream)
}
