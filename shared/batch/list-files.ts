import { type BatchFile, descriptionKey, isOver, readDescription } from './files.ts'
import { listAll } from './list-all.ts'
import type { ObjectStore, StoredObject } from './object-store.ts'

export interface FileQuery {
  readonly tenant: string
  readonly purpose?: string | undefined
  /** Of their creation; default `desc`, the newest first. */
  readonly order?: 'asc' | 'desc' | undefined
  /** The id after which to go on. */
  readonly after?: string | undefined
  readonly limit: number
}

/** The tenant's files, a page at a time. */
export async function listFiles(
  { tenant, purpose, order = 'desc', after, limit }: FileQuery,
  objects: ObjectStore,
  now: number,
): Promise<{ files: BatchFile[]; more: boolean }> {
  const files: BatchFile[] = []
  const place = after === undefined ? undefined : descriptionKey(tenant, after)
  for await (const page of descriptions(tenant, order, place, objects)) {
    for (const file of await Promise.all(page.map((object) => readDescription(object, objects)))) {
      if (!file || isOver(file, now) || (purpose ?? file.purpose) !== file.purpose) continue
      if (files.length === limit) return { files, more: true }
      files.push(file)
    }
  }
  return { files, more: false }
}

const readTogether = 20

/** The store lists the newest first; the other way round the list is made first, which is small. */
async function* descriptions(
  tenant: string,
  order: 'asc' | 'desc',
  place: string | undefined,
  objects: ObjectStore,
): AsyncGenerator<StoredObject[]> {
  const prefix = `files/${tenant}/`
  if (order === 'asc') {
    const all: StoredObject[] = []
    for await (const page of listAll(prefix, objects)) all.push(...page)
    yield* inPieces(all.reverse().filter(({ key }) => place === undefined || key < place))
  } else {
    for await (const page of listAll(prefix, objects, place)) yield* inPieces(page)
  }
}

function* inPieces(all: readonly StoredObject[]): Generator<StoredObject[]> {
  for (let start = 0; start < all.length; start += readTogether) {
    yield all.slice(start, start + readTogether)
  }
}
