import { ServiceError } from '#shared/errors/service-error.ts'
import type { BatchServices } from './batch-services.ts'
import { compressionOf, detectFormat } from './formats/detect-format.ts'
import { type UnpackOptions, unpack } from './formats/unpack.ts'
import type { Job } from './job.ts'
import { listAll } from './list-all.ts'
import type { ObjectStore, StoredObject } from './object-store.ts'
import { places } from './places.ts'
import type { PlanSource } from './plan.ts'
import { readAll } from './read-all.ts'
import { type Step, type StepsOptions, writeInSteps } from './write-in-steps.ts'

/** Enough to tell a format by: names of columns, some lines. */
const headBytes = 65_536

/**
 * What the records of a job are read from: its input, or, where that cannot be cut, what it is
 * unpacked into; of a prefix the list of its objects. What is written here is written create-only.
 *
 * @returns `undefined` where the time of this run is over, and the next goes on
 * @throws ServiceError `batch_input_invalid`, `object_gone`
 */
export async function findSource(
  { id, order }: Job,
  services: SourceServices,
): Promise<PlanSource | undefined> {
  const { objects } = services
  if (order.input.kind === 'prefix') {
    const { prefix } = order.input
    const list = await writeSource<string>(id, services, (from) => listSteps(prefix, objects, from))
    return list && { format: 'objects', object: list }
  }
  const { format: declared, object: input } = order.input
  const compression = compressionOf(await headOf(input, objects))
  const packedBytes = input.sizeBytes
  const object = compression
    ? await writeSource<number>(id, services, (from) =>
        unpackSteps(objects.read(input), { compression, packedBytes }, from),
      )
    : input
  if (!object) return undefined
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

type SourceServices = Pick<BatchServices, 'objects' | 'now' | 'until'>

async function writeSource<State>(
  jobId: string,
  { objects, now, until }: SourceServices,
  steps: StepsOptions<State>['steps'],
): Promise<StoredObject | undefined> {
  const key = places.source(jobId)
  const progressKey = places.progress(jobId, 'source')
  const written = await writeInSteps({ key, progressKey, objects, steps, now, until })
  if (written.kind === 'unfinished') return undefined
  const object = await objects.head(key)
  if (!object) throw new ServiceError('store_unavailable')
  return object
}

/**
 * Nobody can go on in the middle of a packed stream: it is unpacked anew, which takes seconds a
 * gigabyte, and what is stored already is passed over.
 */
async function* unpackSteps(
  bytes: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
  from = 0,
): AsyncGenerator<Step<number>> {
  let end = 0
  for await (const block of unpack(bytes, options)) {
    const start = end
    end += block.length
    const state = end
    if (end > from)
      yield { blocks: [block.subarray(Math.max(0, from - start))], state: () => state }
  }
}

/** @param from the last key that is in the list */
async function* listSteps(
  prefix: string,
  objects: ObjectStore,
  from: string | undefined,
): AsyncGenerator<Step<string>> {
  for await (const page of listAll(prefix, objects, from)) {
    const last = page.at(-1)
    if (!last) return
    const lines = page.map((object) => `${JSON.stringify(object)}\n`)
    yield { blocks: [Buffer.from(lines.join(''))], state: () => last.key }
  }
}
