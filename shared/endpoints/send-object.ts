import type { ObjectStore } from '#shared/batch/object-store.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'

const media: Readonly<Record<string, string>> = {
  jsonl: 'application/jsonl',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
  gz: 'application/gzip',
  zst: 'application/zstd',
  _SUCCESS: 'application/json',
}

/** Lambda takes 6 MB of JSON as an answer, in which a text of quotes and line ends doubles. */
const largestAnswerBytes = 3_000_000
const urlSeconds = 300

export interface SendOptions {
  /** Of the request; a HEAD gets no body, and is sent to nobody: what is signed is a GET. */
  readonly method: string
  /** Default: by the name. */
  readonly mediaType?: string
}

/**
 * A stored object as an answer, at the pace of its reader. A large one is fetched from the store
 * itself, where that is open to callers: no function waits for it, and none has to carry it.
 *
 * @throws ServiceError `resource_not_found` where it is no longer there
 */
export async function sendObject(
  key: string,
  objects: ObjectStore,
  { method, mediaType }: SendOptions,
): Promise<HttpResponse> {
  const object = await objects.head(key)
  if (!object) throw new ServiceError('resource_not_found', { detail: 'The file is gone.' })
  const fileName = key.split('/').at(-1) ?? 'file'
  const type = mediaType ?? media[fileName.split('.').at(-1) ?? ''] ?? 'application/octet-stream'
  const isHead = method === 'HEAD'
  if (objects.signedUrl && !isHead && object.sizeBytes > largestAnswerBytes) {
    const how = { seconds: urlSeconds, mediaType: type, fileName }
    return { status: 307, headers: { location: await objects.signedUrl(object, how) }, body: '' }
  }
  return {
    status: 200,
    headers: {
      'content-type': type,
      'content-length': String(object.sizeBytes),
      'content-disposition': `attachment; filename="${fileName}"`,
    },
    body: '',
    stream: isHead ? nothing() : objects.read(object),
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
