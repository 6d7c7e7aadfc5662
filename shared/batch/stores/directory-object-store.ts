import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ObjectStore, StoredObject } from '../object-store.ts'
import { describeFile, fail, isAbsent } from './directory-files.ts'
import { createDirectoryObjectDrafts } from './directory-object-drafts.ts'
import { directoryObjectKeys } from './directory-object-keys.ts'
import { isObjectKey, objectKey } from './object-key.ts'
import { watchFolders } from './watch-folders.ts'

export interface DirectoryObjectStoreOptions {
  /** Made where it is missing, for its owner alone. */
  readonly directory: string
  /** Of leftovers of crashes only: what is older than a day. */
  readonly now?: () => number
}

const readBytes = 1024 * 1024
/** What is lent is read in smaller pieces, into one of so few buffers as are read at a time. */
const lentBytes = 256 * 1024
const keptBuffers = 4

/**
 * Objects as files of a directory, each under its key. A version is the file's identity, time and
 * size. Files that others put there are objects as well, best moved into place by a rename. Hidden
 * files and links are none.
 */
export function createDirectoryObjectStore({
  directory,
  now = Date.now,
}: DirectoryObjectStoreOptions): ObjectStore {
  const pathOf = (key: string) => join(directory, ...objectKey(key).split('/'))
  const buffers: Buffer[] = []

  async function head(key: string): Promise<StoredObject | undefined> {
    const file = await lstat(pathOf(key), { bigint: true }).catch((error) =>
      isAbsent(error) ? undefined : fail(error),
    )
    return file?.isFile() ? describeFile(key, file) : undefined
  }

  const drafts = createDirectoryObjectDrafts({ directory, pathOf, now })

  return {
    ...drafts,
    head,

    async *read(object, { start, end } = { start: 0, end: object.sizeBytes }, { lent } = {}) {
      // Not through a link, and not waiting for whoever writes into a pipe.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
      const file = await open(pathOf(object.key), flags).catch((error) =>
        isAbsent(error) ? gone(object) : fail(error),
      )
      const buffer = lent ? (buffers.pop() ?? Buffer.allocUnsafeSlow(lentBytes)) : undefined
      try {
        await requireSame(file, object)
        const last = Math.min(end, object.sizeBytes)
        for (let position = start; position < last; ) {
          const wanted = Math.min(buffer?.length ?? readBytes, last - position)
          const bytes = buffer ?? Buffer.allocUnsafe(wanted)
          const { bytesRead } = await file.read(bytes, 0, wanted, position).catch(fail)
          // Looked at after each read: what was the same then was the same while it was read.
          await requireSame(file, object)
          if (bytesRead === 0) gone(object)
          position += bytesRead
          yield bytes.subarray(0, bytesRead)
        }
      } finally {
        if (buffer && buffers.length < keptBuffers) buffers.push(buffer)
        await file.close()
      }
    },

    put: (key, bytes, options) => drafts.write(key, once(bytes), options),

    async list(prefix, { after, limit }) {
      const objects: StoredObject[] = []
      try {
        for await (const key of directoryObjectKeys(directory, {
          prefix,
          after,
          batch: limit + 1,
        })) {
          // What was removed since is left out.
          const object = await head(key)
          if (!object) continue
          const last = objects.at(-1)
          if (last && objects.length >= limit) return { objects, next: last.key }
          objects.push(object)
        }
      } catch (error) {
        fail(error)
      }
      return { objects }
    },

    async remove(key) {
      await rm(pathOf(key), { force: true }).catch((error) => {
        if (!isAbsent(error)) fail(error)
      })
    },

    watch: (prefix, onChange) =>
      watchFolders(join(directory, prefix), (path) => {
        if (isObjectKey(prefix + path)) onChange(prefix + path)
      }).catch(fail),

    async close() {},
  }
}

/** A file without a name was deleted or replaced while it was open. */
async function requireSame(file: FileHandle, object: StoredObject): Promise<void> {
  const found = await file.stat({ bigint: true }).catch(fail)
  const isSame = found.nlink > 0n && describeFile(object.key, found).version === object.version
  if (!isSame) gone(object)
}

function gone({ key }: StoredObject): never {
  throw new ServiceError('object_gone', { detail: `${key} was deleted or overwritten.` })
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
