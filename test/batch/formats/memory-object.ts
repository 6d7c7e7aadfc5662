import { setImmediate } from 'node:timers/promises'
import type { ObjectStore, StoredObject } from '#shared/batch/object-store.ts'

/** Bytes as a stored object, read in blocks of any size. */
export function memoryObject(
  bytes: Uint8Array,
  { blockBytes = 65_536, key = 'input' }: { blockBytes?: number; key?: string } = {},
): { object: StoredObject; read: ObjectStore['read'] } {
  const object = { key, version: '1', sizeBytes: bytes.length, modifiedAt: 0 }
  async function* read(_object: StoredObject, { start, end } = { start: 0, end: bytes.length }) {
    await setImmediate()
    for (let at = start; at < end; at += blockBytes) {
      yield bytes.subarray(at, Math.min(at + blockBytes, end))
    }
  }
  return { object, read }
}
