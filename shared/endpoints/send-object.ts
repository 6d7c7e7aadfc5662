import type { ObjectStore } from '#shared/batch/object-store.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'

const media: Readonly<Record<string, string>> = {
  jsonl: 'application/jsonl',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
  _SUCCESS: 'application/json',
}

/**
 * A stored object as an answer, at the pace of its reader.
 * @throws ServiceError `resource_not_found` where it is no longer there
 */
export async function sendObject(
  key: string,
  objects: ObjectStore,
  mediaType?: string,
): Promise<HttpResponse> {
  const object = await objects.head(key)
  if (!object) throw new ServiceError('resource_not_found', { detail: 'The file is gone.' })
  const name = key.split('/').at(-1) ?? 'file'
  return {
    status: 200,
    headers: {
      'content-type':
        mediaType ?? media[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
      'content-length': String(object.sizeBytes),
      'content-disposition': `attachment; filename="${name}"`,
    },
    body: '',
    stream: objects.read(object),
  }
}
