import { randomBytes } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import { isGone } from './is-gone.ts'
import type { ObjectStore, StoredObject } from './object-store.ts'
import { places } from './places.ts'
import { readAll } from './read-all.ts'

/** A file that a tenant uploaded or that a batch wrote, by the name that clients of the API know. */
export interface BatchFile {
  /** `file-…`, by which newer files come first. */
  readonly id: string
  readonly tenant: string
  readonly filename: string
  readonly purpose: string
  readonly sizeBytes: number
  /** Epoch milliseconds. */
  readonly createdAt: number
  readonly expiresAt?: number | undefined
  /** Where its bytes are. */
  readonly key: string
}

export interface NewFile extends Pick<BatchFile, 'tenant' | 'filename'> {
  readonly bytes: AsyncIterable<Uint8Array>
  /** What is only known once the bytes have been read; what it throws undoes the upload. */
  readonly describe: () => Promise<Pick<BatchFile, 'purpose' | 'expiresAt'>>
  readonly limitBytes: number
}

/**
 * Stores an upload while it arrives; nothing stays of one that is too large or breaks off.
 * @throws ServiceError `payload_too_large`, `store_unavailable`
 */
export async function saveFile(
  { bytes, limitBytes, describe, ...file }: NewFile,
  objects: ObjectStore,
  now: number,
): Promise<BatchFile> {
  const id = newFileId(now)
  const key = `uploads/${file.tenant}/${id}/${safeName(file.filename)}`
  const written = await objects.write(key, limited(bytes, limitBytes), { ifAbsent: true })
  if (written.kind === 'exists') throw new ServiceError('store_unavailable')
  const { sizeBytes } = written.object
  try {
    const said = await describe()
    return await describeFile({ ...file, ...said, id, key, createdAt: now, sizeBytes }, objects)
  } catch (thrown) {
    await objects.remove(key)
    throw thrown
  }
}

/** Makes bytes that lie in the store known as a file, once for one id. */
export async function describeFile(file: BatchFile, objects: ObjectStore): Promise<BatchFile> {
  const bytes = Buffer.from(JSON.stringify(file))
  // First, so that no file that expires is forgotten.
  if (file.expiresAt !== undefined) await objects.put(markKey(file), bytes, { ifAbsent: true })
  await objects.put(descriptionKey(file.tenant, file.id), bytes, { ifAbsent: true })
  return file
}

/** @throws ServiceError `resource_not_found`, also for a file of another tenant */
export async function findFile(
  id: string,
  tenant: string,
  objects: ObjectStore,
  now: number,
): Promise<BatchFile> {
  const object = isFileId(id) ? await objects.head(descriptionKey(tenant, id)) : undefined
  const file = object && (await readDescription(object, objects))
  if (file && !isOver(file, now)) return file
  throw new ServiceError('resource_not_found', { detail: 'There is no such file.' })
}

/** `undefined` where it was removed since it was listed. */
export async function readDescription(
  object: StoredObject,
  objects: ObjectStore,
): Promise<BatchFile | undefined> {
  try {
    return JSON.parse((await readAll(objects.read(object))).toString()) as BatchFile
  } catch (thrown) {
    if (isGone(thrown)) return undefined
    throw thrown
  }
}

export const isOver = ({ expiresAt }: BatchFile, now: number): boolean =>
  expiresAt !== undefined && expiresAt <= now

/** The description goes first: what cannot be found is as good as gone. */
export async function removeFile(file: BatchFile, objects: ObjectStore): Promise<void> {
  await objects.remove(descriptionKey(file.tenant, file.id))
  await objects.remove(file.key)
  // Last, since by it the rest is found again.
  if (file.expiresAt !== undefined) await objects.remove(markKey(file))
}

/** Sorts by the time at which the file expires. */
const markKey = ({ tenant, id, expiresAt = 0 }: BatchFile): string =>
  `${places.expiring}${String(expiresAt).padStart(15, '0')}/${tenant}/${id}`

/** The later it is made, the smaller it is, so that a listing by key begins with the newest. */
export const newFileId = (now: number, random = randomBytes(9).toString('hex')): string =>
  `file-${(Number.MAX_SAFE_INTEGER - now).toString(36)}${random}`

export const isFileId = (id: string): boolean => /^file-[a-z0-9]{10,64}$/.test(id)
export const descriptionKey = (tenant: string, id: string): string => `files/${tenant}/${id}.json`

/** A name as the store takes it, and a header can carry it. */
const safeName = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^\.+/, '')
    .slice(-100) || 'file'

async function* limited(
  bytes: AsyncIterable<Uint8Array>,
  limitBytes: number,
): AsyncGenerator<Uint8Array> {
  let total = 0
  for await (const piece of bytes) {
    total += piece.length
    if (total > limitBytes) {
      throw new ServiceError('payload_too_large', {
        detail: `A file may have ${limitBytes} bytes at most.`,
        fix: 'Split the file, or put it into the store directly.',
      })
    }
    yield piece
  }
}
