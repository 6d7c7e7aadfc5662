import { randomUUID } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ObjectDraft, ObjectDrafts } from '../object-drafts.ts'
import type { ObjectStore, PutOptions, PutOutcome } from '../object-store.ts'
import { describeFile, fail, isAbsent, linkNew, makeFolder, syncFolder } from './directory-files.ts'

export interface DirectoryDraftsOptions {
  readonly directory: string
  readonly pathOf: (key: string) => string
  readonly now: () => number
}

/** More would be as fast, and be held in memory by whoever writes. */
const pieceBytes = 4 * 1024 * 1024
const keptMs = 24 * 60 * 60 * 1_000

/** How objects come into a directory: as files of another folder, and then by their names. */
export function createDirectoryObjectDrafts({
  directory,
  pathOf,
  now,
}: DirectoryDraftsOptions): ObjectDrafts & Pick<ObjectStore, 'write'> {
  /** On the same file system as the objects, hidden from listings. */
  const drafts = join(directory, '.drafts')
  let preparing: Promise<void> | undefined
  const fileOf = ({ id }: ObjectDraft) => join(drafts, id.replace(/[^0-9a-f-]/g, ''))

  /** What crashes have left is removed. */
  async function prepare(): Promise<void> {
    await makeFolder(drafts)
    for (const name of await readdir(drafts)) {
      const draft = join(drafts, name)
      const file = await lstat(draft).catch(() => undefined)
      if (file && file.mtimeMs < now() - keptMs) await rm(draft, { force: true })
    }
  }
  function prepared(): Promise<void> {
    preparing ??= prepare()
    return preparing.catch((error) => {
      preparing = undefined
      fail(error)
    })
  }

  /** Either way a reader sees the whole object or none. */
  async function show(
    draft: string,
    file: BigIntStats,
    key: string,
    { ifAbsent = false }: PutOptions = {},
  ): Promise<PutOutcome> {
    const path = pathOf(key)
    await makeFolder(dirname(path)).catch(fail)
    if (!ifAbsent) await rename(draft, path).catch(fail)
    else if (!(await linkNew(draft, path))) return { kind: 'exists' }
    await syncFolder(dirname(path)).catch(fail)
    return { kind: 'written', object: describeFile(key, file) }
  }

  return {
    pieceBytes,

    async write(key, parts, options) {
      pathOf(key)
      await prepared()
      const draft = join(drafts, randomUUID())
      try {
        const file = await withFile(draft, 'wx', async (handle) => {
          // Errors of the stream itself are its reader's, not the store's.
          for await (const part of parts) await handle.writeFile(part).catch(fail)
          return settled(handle)
        })
        return await show(draft, file, key, options)
      } finally {
        await rm(draft, { force: true }).catch(() => {})
      }
    },

    async begin(key) {
      pathOf(key)
      await prepared()
      const draft = { key, id: randomUUID() }
      await withFile(fileOf(draft), 'wx', async () => undefined)
      return draft
    },

    async addPiece(draft, index, bytes) {
      const added = await unlessGone(
        withFile(fileOf(draft), 'r+', async (handle) => {
          for (let at = 0; at < bytes.length; ) {
            const rest = bytes.length - at
            const place = index * pieceBytes + at
            at += (await handle.write(bytes, at, rest, place).catch(fail)).bytesWritten
          }
          // Whoever remembers that it is there must be right after a power cut, too.
          await handle.datasync().catch(fail)
          return 'added' as const
        }),
      )
      return added ?? 'gone'
    },

    async finish(draft, pieces, options) {
      const file = await unlessGone(withFile(fileOf(draft), 'r+', settled))
      const isWhole = file && Math.ceil(Number(file.size) / pieceBytes) === pieces
      if (!isWhole) return { kind: 'gone' }
      const outcome = await show(fileOf(draft), file, draft.key, options)
      await this.abandon(draft)
      return outcome
    },

    async abandon(draft) {
      await rm(fileOf(draft), { force: true }).catch(fail)
    },
  }
}

/** On the disk, and what it is then. */
async function settled(file: FileHandle): Promise<BigIntStats> {
  await file.sync().catch(fail)
  return file.stat({ bigint: true }).catch(fail)
}

async function withFile<Result>(
  path: string,
  flags: 'wx' | 'r+',
  work: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, flags, 0o600).catch(fail)
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}

/** `undefined` where there is no such file. */
const unlessGone = <Result>(work: Promise<Result>): Promise<Result | undefined> =>
  work.catch((error) => {
    if (!isAbsent(error.cause)) throw error
    return undefined
  })
