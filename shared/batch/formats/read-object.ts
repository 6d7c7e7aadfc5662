import { ServiceError } from '#shared/errors/service-error.ts'
import type { InputRecord } from '../chunk.ts'
import type { ObjectStore, StoredObject } from '../object-store.ts'
import { exactBytes } from './chunk-bytes.ts'

/**
 * A record of a list, with the bytes of the very version that was listed. One that is gone or too
 * large is an error; a store that fails is thrown.
 */
export async function readObject(
  entry: InputRecord,
  read: ObjectStore['read'],
  limit = 20_000_000,
): Promise<InputRecord> {
  if (entry.error) return entry
  const object = entry.value as StoredObject
  const { key, sizeBytes } = object
  const record = { offset: entry.offset, line: entry.line, key, value: undefined }
  if (sizeBytes > limit) {
    const detail = `It has ${sizeBytes} bytes; at most ${limit} are read.`
    return { ...record, error: { code: 'record_too_large', detail } }
  }
  try {
    const blocks: Buffer[] = []
    for await (const block of exactBytes(read, object, { start: 0, end: sizeBytes })) {
      blocks.push(block)
    }
    return { ...record, value: Buffer.concat(blocks) }
  } catch (thrown) {
    const { code, message } = ServiceError.from(thrown)
    if (code !== 'object_gone') throw thrown
    return { ...record, error: { code, detail: message } }
  }
}
