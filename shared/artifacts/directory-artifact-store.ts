import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import type { ErrorCode } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { allocateBytes } from './allocate-bytes.ts'
import { arrivingDigest } from './arriving-digest.ts'
import { artifactKey } from './artifact-key.ts'
import type { ArtifactRef, ArtifactStore, FetchOptions } from './artifact-store.ts'

export interface DirectoryArtifactStoreOptions {
  readonly directory: string
  /** Waits until a published file is on the disk itself. A cache may do without. */
  readonly durable?: boolean
}

/** Large enough to keep the disk busy, small enough that hashing one holds the event loop for 1 ms. */
const readBytes = 1024 * 1024

/** Model files in a directory, each under its key: what one machine needs. */
export function directoryArtifactStore({
  directory,
  durable = true,
}: DirectoryArtifactStoreOptions): ArtifactStore {
  const pathOf = (key: string) => join(directory, ...artifactKey(key).split('/'))

  return {
    location: `directory ${directory}`,

    async fetch(ref, options = {}) {
      const path = pathOf(ref.key)
      options.signal?.throwIfAborted()
      const file = await open(path).catch(fail(ref.key))
      try {
        return await readVerified(file, ref, options)
      } finally {
        await file.close()
      }
    },

    async publish(key, bytes) {
      const path = pathOf(key)
      // A reader sees the old file or the new one, whole; a crash leaves a hidden file behind.
      const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}`)
      try {
        await mkdir(dirname(path), { recursive: true })
        await writeFile(draft, bytes, durable)
        await rename(draft, path)
        if (durable) await syncDirectory(dirname(path))
      } catch (error) {
        await rm(draft, { force: true }).catch(() => {})
        fail(key)(error)
      }
    },

    async *list(prefix = '') {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
        (error) => (codeOf(error) === 'artifact_not_found' ? [] : fail(prefix)(error)),
      )
      const keys = entries
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
        .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
        .map((path) => path.replaceAll(sep, '/'))
        .filter((key) => key.startsWith(prefix))
      for (const key of keys.sort()) {
        // What was deleted since is left out.
        const file = await stat(pathOf(key)).catch(() => undefined)
        if (file) yield { key, bytes: file.size }
      }
    },

    async has({ key, bytes }) {
      const file = await stat(pathOf(key)).catch((error) =>
        codeOf(error) === 'artifact_not_found' ? undefined : fail(key)(error),
      )
      return file?.isFile() === true && file.size === bytes
    },
  }
}

async function readVerified(file: FileHandle, ref: ArtifactRef, options: FetchOptions) {
  const { size } = await file.stat().catch(fail(ref.key))
  if (size !== ref.bytes) throw truncated(ref, size)
  const bytes = allocateBytes(ref.bytes)
  const range = { start: 0, position: 0, end: ref.bytes }
  const digest = arrivingDigest(ref, bytes, [range])
  while (range.position < range.end) {
    options.signal?.throwIfAborted()
    const from = range.position
    const length = Math.min(readBytes, range.end - from)
    const { bytesRead } = await file.read(bytes, from, length, from).catch(fail(ref.key))
    if (bytesRead === 0) throw truncated(ref, from)
    range.position += bytesRead
    digest.arrived(from, range.position)
    options.onProgress?.({ receivedBytes: range.position, totalBytes: ref.bytes })
  }
  if (!digest.isVerified()) throw new ServiceError('artifact_digest_mismatch')
  return bytes
}

async function writeFile(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    if (durable) await file.sync()
  } finally {
    await file.close()
  }
}

/** The new name itself is on the disk only once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const codeOfErrno: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'artifact_not_found',
  ENOTDIR: 'artifact_not_found',
  EISDIR: 'artifact_not_found',
  EACCES: 'artifact_access_denied',
  EPERM: 'artifact_access_denied',
}

const codeOf = (error: unknown): ErrorCode => codeOfErrno[errnoOf(error)] ?? 'artifact_unavailable'

const errnoOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

const fail =
  (key: string) =>
  (cause: unknown): never => {
    throw new ServiceError(codeOf(cause), {
      detail: `The artifact store answered ${errnoOf(cause) || 'an error'} for ${key}.`,
      cause,
    })
  }

const truncated = ({ key, bytes }: ArtifactRef, actual: number) =>
  new ServiceError('artifact_truncated', {
    detail: `${key} has ${actual} bytes, and its manifest says ${bytes}.`,
  })
