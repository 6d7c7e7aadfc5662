import type { BigIntStats } from 'node:fs'
import { link, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { StoredObject } from '../object-store.ts'

/** What a file is as an object. */
export const describeFile = (key: string, file: BigIntStats): StoredObject => ({
  key,
  version: `${file.mtimeNs}-${file.size}-${file.ino}`,
  sizeBytes: Number(file.size),
  modifiedAt: Number(file.mtimeNs / 1_000_000n),
})

/** Gives a file a name that nobody has; `false` where somebody has. */
export const linkNew = (from: string, to: string): Promise<boolean> =>
  link(from, to).then(
    () => true,
    (error) => (errnoOf(error) === 'EEXIST' ? false : fail(error)),
  )

/** New folders are on the disk once the folders that they lie in are. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made))
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const errnoOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

export const isAbsent = (error: unknown) =>
  // The last one: a link where a file was.
  ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(errnoOf(error))

export function fail(cause: unknown): never {
  throw cause instanceof ServiceError ? cause : new ServiceError('store_unavailable', { cause })
}
