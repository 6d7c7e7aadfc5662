import { randomUUID } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, link, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ObjectStore, PutOptions, PutOutcome, StoredObject } from '../object-store.ts'
import { directoryObjectKeys } from './directory-object-keys.ts'
import { objectKey } from './object-key.ts'

export interface DirectoryObjectStoreOptions {
  /** Made where it is missing, for its owner alone. */
  readonly directory: string
  /** Of leftovers of crashes only: what is older than a day. */
  readonly now?: () => number
}

const readBytes = 1024 * 1024
const keptDraftMs = 24 * 60 * 60 * 1_000

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
  /** On the same file system as the objects, hidden from listings. */
  const drafts = join(directory, '.drafts')
  let prepared: Promise<void> | undefined

  async function prepare(): Promise<void> {
    await makeFolder(drafts)
    for (const name of await readdir(drafts)) {
      const draft = join(drafts, name)
      const file = await lstat(draft).catch(() => undefined)
      if (file && file.mtimeMs < now() - keptDraftMs) await rm(draft, { force: true })
    }
  }

  async function head(key: string): Promise<StoredObject | undefined> {
    const file = await lstat(pathOf(key), { bigint: true }).catch((error) =>
      isAbsent(error) ? undefined : fail(error),
    )
    return file?.isFile() ? describe(key, file) : undefined
  }

  async function write(
    key: string,
    parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    { ifAbsent = false }: PutOptions = {},
  ): Promise<PutOutcome> {
    const path = pathOf(key)
    prepared ??= prepare()
    await prepared.catch((error) => {
      prepared = undefined
      fail(error)
    })
    const draft = join(drafts, randomUUID())
    try {
      const file = await writeDraft(draft, parts)
      await makeFolder(dirname(path)).catch(fail)
      // Either way a reader sees the whole object or none.
      if (!ifAbsent) await rename(draft, path).catch(fail)
      else if (!(await linkNew(draft, path))) return { kind: 'exists' }
      await syncFolder(dirname(path)).catch(fail)
      return { kind: 'written', object: describe(key, file) }
    } finally {
      await rm(draft, { force: true }).catch(() => {})
    }
  }

  return {
    head,

    async *read(object, { start, end } = { start: 0, end: object.sizeBytes }) {
      // Not through a link, and not waiting for whoever writes into a pipe.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
      const file = await open(pathOf(object.key), flags).catch((error) =>
        isAbsent(error) ? gone(object) : fail(error),
      )
      try {
        await requireSame(file, object)
        const last = Math.min(end, object.sizeBytes)
        for (let position = start; position < last; ) {
          const bytes = Buffer.allocUnsafe(Math.min(readBytes, last - position))
          const { bytesRead } = await file.read(bytes, 0, bytes.length, position).catch(fail)
          // Looked at after each read: what was the same then was the same while it was read.
          await requireSame(file, object)
          if (bytesRead === 0) gone(object)
          position += bytesRead
          yield bytes.subarray(0, bytesRead)
        }
      } finally {
        await file.close()
      }
    },

    put: (key, bytes, options) => write(key, [bytes], options),
    write,

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

    async close() {},
  }
}

const describe = (key: string, file: BigIntStats): StoredObject => ({
  key,
  version: `${file.mtimeNs}-${file.size}-${file.ino}`,
  sizeBytes: Number(file.size),
  modifiedAt: Number(file.mtimeNs / 1_000_000n),
})

/** A file without a name was deleted or replaced while it was open. */
async function requireSame(file: FileHandle, object: StoredObject): Promise<void> {
  const found = await file.stat({ bigint: true }).catch(fail)
  const isSame = found.nlink > 0n && describe(object.key, found).version === object.version
  if (!isSame) gone(object)
}

async function writeDraft(path: string, parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  const file = await open(path, 'wx', 0o600).catch(fail)
  try {
    // Errors of the stream itself are its reader's, not the store's.
    for await (const part of parts) await file.writeFile(part).catch(fail)
    await file.sync().catch(fail)
    return await file.stat({ bigint: true }).catch(fail)
  } finally {
    await file.close()
  }
}

/** Gives a file a name that nobody has; `false` where somebody has. */
const linkNew = (from: string, to: string): Promise<boolean> =>
  link(from, to).then(
    () => true,
    (error) => (errnoOf(error) === 'EEXIST' ? false : fail(error)),
  )

/** New folders are on the disk once the folders that they lie in are. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made))
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const errnoOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

const isAbsent = (error: unknown) =>
  // The last one: a link where a file was.
  ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(errnoOf(error))

function gone({ key }: StoredObject): never {
  throw new ServiceError('object_gone', { detail: `${key} was deleted or overwritten.` })
}

function fail(cause: unknown): never {
  throw cause instanceof ServiceError ? cause : new ServiceError('store_unavailable', { cause })
}
