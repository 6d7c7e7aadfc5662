import type {
  ObjectStore,
  PutOptions,
  PutOutcome,
  StoredObject,
} from '#shared/batch/object-store.ts'
import { objectKey } from '#shared/batch/stores/object-key.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

interface Kept {
  readonly object: StoredObject
  readonly bytes: Buffer
}

export interface MemoryObjectStoreOptions {
  readonly now?: () => number
  /** Told of everything that can be seen from now on. */
  readonly onPut?: (object: StoredObject, bytes: Buffer) => void
}

/** The rules of the port as code: what a schedule without disks and networks runs on. */
export function createMemoryObjectStore({
  now = Date.now,
  onPut = () => undefined,
}: MemoryObjectStoreOptions = {}): ObjectStore {
  const kept = new Map<string, Kept>()
  const drafts = new Map<string, Buffer[]>()
  let versions = 0
  let begun = 0

  function put(key: string, bytes: Buffer, { ifAbsent = false }: PutOptions = {}): PutOutcome {
    if (ifAbsent && kept.has(key)) return { kind: 'exists' }
    versions += 1
    const object = { key, version: `v${versions}`, sizeBytes: bytes.length, modifiedAt: now() }
    kept.set(key, { object, bytes })
    onPut(object, bytes)
    return { kind: 'written', object }
  }

  return {
    head: async (key) => kept.get(objectKey(key))?.object,

    async *read({ key, version, sizeBytes }, { start, end } = { start: 0, end: sizeBytes }) {
      objectKey(key)
      const last = Math.min(end, sizeBytes)
      for (let position = start; position < last || position === start; position += 64) {
        const found = kept.get(key)
        if (found?.object.version !== version) throw new ServiceError('object_gone')
        if (position < last)
          yield Buffer.from(found.bytes.subarray(position, Math.min(last, position + 64)))
      }
    },

    put: async (key, bytes, options) => put(objectKey(key), Buffer.from(bytes), options),

    // So small that a short output has several.
    pieceBytes: 256,

    async begin(key) {
      begun += 1
      const draft = { key: objectKey(key), id: `d${begun}` }
      drafts.set(draft.id, [])
      return draft
    },

    async addPiece({ id }, index, bytes) {
      const pieces = drafts.get(id)
      if (pieces) pieces[index] = Buffer.from(bytes)
      return pieces ? 'added' : 'gone'
    },

    async finish({ key, id }, count, options) {
      const pieces = drafts.get(id)
      if (pieces?.length !== count) return { kind: 'gone' }
      drafts.delete(id)
      return put(key, Buffer.concat(pieces), options)
    },

    abandon: async ({ id }) => void drafts.delete(id),

    async write(key, pieces, options) {
      const all: Uint8Array[] = []
      for await (const piece of pieces) all.push(Buffer.from(piece))
      return put(objectKey(key), Buffer.concat(all), options)
    },

    async list(prefix, { after = '', limit }) {
      const objects = [...kept.values()]
        .map(({ object }) => object)
        .filter(({ key }) => key.startsWith(prefix) && isLess(after, key))
        .sort((one, other) => (isLess(one.key, other.key) ? -1 : 1))
      const page = objects.slice(0, limit)
      return objects.length > limit ? { objects: page, next: page.at(-1)?.key } : { objects: page }
    },

    remove: async (key) => void kept.delete(objectKey(key)),
    close: async () => undefined,
  }
}

/** In the order of their bytes. */
const isLess = (one: string, other: string) =>
  Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0
