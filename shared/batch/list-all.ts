import type { ObjectStore, StoredObject } from './object-store.ts'

/** All objects whose key begins with `prefix`, after `place`, a page at a time. */
export async function* listAll(
  prefix: string,
  objects: Pick<ObjectStore, 'list'>,
  place?: string,
): AsyncGenerator<readonly StoredObject[]> {
  let after = place
  do {
    const page = await objects.list(prefix, { after, limit: 1_000 })
    yield page.objects
    after = page.next
  } while (after !== undefined)
}
