import { ServiceError } from '#shared/errors/service-error.ts'
import { compressionOf, detectFormat } from './formats/detect-format.ts'
import { unpack } from './formats/unpack.ts'
import type { Job } from './job.ts'
import { listAll } from './list-all.ts'
import type { ObjectStore, StoredObject } from './object-store.ts'
import { places } from './places.ts'
import type { PlanSource } from './plan.ts'
import { readAll } from './read-all.ts'

/** Enough to tell a format by: names of columns, some lines. */
const headBytes = 65_536

/**
 * What the records of a job are read from: its input, or, where that cannot be cut, what it is
 * unpacked into; of a prefix the list of its objects. What is written here is written create-only.
 *
 * @throws ServiceError `batch_input_invalid`, `object_gone`
 */
export async function findSource({ id, order }: Job, objects: ObjectStore): Promise<PlanSource> {
  if (order.input.kind === 'prefix') {
    const list = listObjects(order.input.prefix, objects)
    return { format: 'objects', object: await writeSource(id, list, objects) }
  }
  const { format: declared, object: input } = order.input
  const compression = compressionOf(await headOf(input, objects))
  const object = compression
    ? await writeSource(
        id,
        unpack(objects.read(input), { compression, packedBytes: input.sizeBytes }),
        objects,
      )
    : input
  const head = await headOf(object, objects)
  const detected = detectFormat({ head, sizeBytes: object.sizeBytes, key: input.key, declared })
  return { ...detected, object }
}

export function headOf(object: StoredObject, objects: ObjectStore): Promise<Buffer> {
  const end = Math.min(object.sizeBytes, headBytes)
  return end === 0
    ? Promise.resolve(Buffer.alloc(0))
    : readAll(objects.read(object, { start: 0, end }))
}

async function writeSource(
  jobId: string,
  bytes: AsyncIterable<Uint8Array>,
  objects: ObjectStore,
): Promise<StoredObject> {
  const key = places.source(jobId)
  // Whoever planned before and died has left it whole.
  const known = await objects.head(key)
  if (known) return known
  const written = await objects.write(key, bytes, { ifAbsent: true })
  const object = written.kind === 'written' ? written.object : await objects.head(key)
  if (!object) throw new ServiceError('store_unavailable')
  return object
}

async function* listObjects(prefix: string, objects: ObjectStore): AsyncGenerator<Uint8Array> {
  for await (const page of listAll(prefix, objects)) {
    yield Buffer.from(page.map((object) => `${JSON.stringify(object)}\n`).join(''))
  }
}
