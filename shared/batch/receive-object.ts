import { ServiceError } from '#shared/errors/service-error.ts'
import type { BatchServices } from './batch-services.ts'
import type { Job } from './job.ts'
import type { StoredObject } from './object-store.ts'
import { orderJob } from './order-job.ts'
import { places } from './places.ts'

/** Stands for the key of a caller, where a file was dropped. */
export const droppedKeyId = 'incoming'

/**
 * An object has appeared under `incoming/{tenant}/{model}[@version]/…`, or is said to: events come
 * twice, late and in any order, and the reconciler tells of all objects again. One version of an
 * object makes one job.
 *
 * @throws ServiceError `batch_input_invalid` where its name says no tenant or model;
 * `model_not_found`, `version_not_found`, `store_unavailable`
 */
export async function receiveObject(
  key: string,
  services: BatchServices,
): Promise<Job | undefined> {
  const object = await services.objects.head(key)
  return object && orderObject(object, services)
}

/** The same for an object that has just been seen. */
export function orderObject(object: StoredObject, services: BatchServices): Promise<Job> {
  const { key, version } = object
  const [tenant, model, ...path] = key.slice(places.incoming.length).split('/')
  if (!key.startsWith(places.incoming) || !tenant || !model || path.length === 0) {
    throw new ServiceError('batch_input_invalid', {
      detail: 'An input must lie under incoming/{tenant}/{model}/.',
    })
  }
  return orderJob(
    {
      tenant,
      keyId: droppedKeyId,
      project: undefined,
      parties: [],
      free: false,
      input: { kind: 'object', object, format: 'auto' },
      model,
      parameters: {},
      records: { kind: 'input' },
      output: { format: 'jsonl', join: false },
      identity: ['incoming', key, version],
    },
    services,
  )
}
