import { randomUUID } from 'node:crypto'
import { createReadStream, openAsBlob, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Environment } from '#shared/config/environment.ts'
import { publishOwnArtifacts } from '#shared/endpoints/publish-own-artifacts.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { batchJobAnswer } from '#shared/protocols/batch-answers.ts'
import { reachServer, serverError } from './reach-server.ts'
import { serverKey } from './server-key.ts'
import { uploadFolder } from './upload-folder.ts'

/** A job, as the API tells of it. */
export type JobAnswer = ReturnType<typeof batchJobAnswer>

export interface Uploaded {
  /** How a job names it. */
  readonly input:
    | { readonly input_file_id: string }
    | { readonly input: string }
    | { readonly input_prefix: string }
  remove(): Promise<void>
}

/** The batch API, of a server or in this process. */
export interface BatchClient {
  /** @throws ServiceError of the API's own code */
  get(path: string): Promise<unknown>
  post(path: string, body: unknown): Promise<unknown>
  /** The bytes of an answer. */
  read(path: string): Promise<ReadableStream<Uint8Array>>
  /** Stores a file, or the files of a folder. @throws ServiceError `input_invalid` */
  upload(file: string): Promise<Uploaded>
  close(): Promise<void>
}

export interface BatchPlace {
  readonly url?: string | undefined
  readonly key?: string | undefined
}

export interface BatchClientOptions {
  /** In this process: whether jobs are scored meanwhile, or only looked at. */
  readonly works?: boolean | undefined
}

type Send = (path: string, init?: { method: string; body?: string | FormData }) => Promise<Response>

/** Where an address is given the server there, else this process, which then does the work, too. */
export async function openBatchClient(
  environment: Environment,
  { url, key }: BatchPlace,
  options: BatchClientOptions = {},
): Promise<BatchClient> {
  return url === undefined
    ? openHere(environment, options)
    : openServer(url, serverKey({ url, key }, environment))
}

function openServer(url: string, key: string | undefined): BatchClient {
  const send: Send = (path, init) => reachServer(url, path, { ...init, key })
  return {
    ...requests(send),
    async upload(file) {
      if (isFolder(file)) throw folderElsewhere()
      const form = new FormData()
      form.append('purpose', 'batch')
      form.append('file', await openAsBlob(file), basename(file))
      const response = await send('/v1/files', { method: 'POST', body: form })
      const { id } = (await jsonOf(response)) as { id: string }
      const remove = async () => void (await send(`/v1/files/${id}`, { method: 'DELETE' }))
      return { input: { input_file_id: id }, remove }
    },
    close: async () => undefined,
  }
}

async function openHere(
  environment: Environment,
  { works = false }: BatchClientOptions,
): Promise<BatchClient> {
  const [{ localServices }, { localEndpoint }] = await Promise.all([
    import('#shared/endpoints/local-services.ts'),
    import('#shared/endpoints/local-endpoint.ts'),
  ])
  const developmentKey = randomUUID()
  const quiet = { ...environment, PERCALL_LOG: 'error' as const }
  const runner = works ? 'workers' : 'inline'
  const services = await localServices({ environment: quiet, developmentKey, runner })
  const { catalog, batch } = services
  const entries = catalog.list().flatMap(({ manifest }) => catalog.versions(manifest.name))
  if (works) await publishOwnArtifacts(environment, entries)
  const endpoint = localEndpoint(services)
  const send: Send = async (path, init) => {
    const { pathname, searchParams } = new URL(path, 'http://localhost')
    const { status, headers, body, stream } = await endpoint({
      method: init?.method ?? 'GET',
      path: decodeURIComponent(pathname),
      query: Object.fromEntries(searchParams),
      headers: { 'x-api-key': developmentKey, 'content-type': 'application/json' },
      body: Buffer.from(typeof init?.body === 'string' ? init.body : ''),
      sourceIp: '127.0.0.1',
    })
    return new Response((stream ?? body) as string, { status, headers })
  }
  return {
    ...requests(send),
    // Straight into the store, whatever its size: here nothing stands in between.
    async upload(file) {
      if (isFolder(file)) return uploadFolder(file, batch.objects)
      const input = `uploads/default/${randomUUID()}/${basename(file).replace(/^\.+/, '')}`
      await batch.objects.write(input, createReadStream(file), { ifAbsent: true })
      return { input: { input }, remove: () => batch.objects.remove(input) }
    },
    close: () => services.close(),
  }
}

function requests(send: Send): Pick<BatchClient, 'get' | 'post' | 'read'> {
  return {
    get: async (path) => jsonOf(await send(path)),
    post: async (path, body) =>
      jsonOf(await send(path, { method: 'POST', body: JSON.stringify(body) })),
    async read(path) {
      const response = await send(path)
      if (!response.ok || !response.body) throw await errorOf(response)
      return response.body
    },
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  if (!response.ok) throw await errorOf(response)
  return response.json()
}

const errorOf = async (response: Response): Promise<ServiceError> =>
  serverError(await response.json().catch(() => undefined), `It answered ${response.status}.`)

const isFolder = (path: string): boolean => statSync(path).isDirectory()

const folderElsewhere = () =>
  new ServiceError('input_invalid', {
    detail: 'A folder is scored in this process, and not with --url.',
    fix: 'Leave out --url, or put the files under one prefix of the store and name it as "input_prefix" in POST /v1/batch-jobs.',
  })

/** A file, or a folder of them, that is to be read. @throws ServiceError `input_invalid` */
export function checkFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isFile() || found?.isDirectory()) return
  throw new ServiceError('input_invalid', {
    detail: `There is no file ${file}.`,
    fix: 'Name a file of JSONL, CSV, TSV or Parquet, packed with gzip or zstd or not, or a folder of images.',
  })
}
