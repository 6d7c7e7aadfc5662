import { requireScope } from '#shared/access/require-scope.ts'
import type { Scope } from '#shared/access/scopes.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { inflateBody } from '#shared/middleware/read-body/inflate-body.ts'
import {
  type Endpoint,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
} from '#shared/protocols/http-message.ts'
import { invocationError, readInvocation } from '#shared/protocols/invocation.ts'
import { readShelfRequest, shelfItem, shelfPage } from '#shared/protocols/shelf-request.ts'
import type { ActionServices } from './action.ts'
import type { ModelShelf } from './model-shelf.ts'

export interface SagemakerOptions {
  readonly services: ActionServices
  /** The routes of the service; whatever is not SageMaker's goes there, too. */
  readonly endpoint: Endpoint
  /** Whether the container can infer, known at once. */
  readonly isReady: () => boolean
  /** The one model of `/invocations`. @throws ServiceError `model_not_found` */
  readonly model: () => ModelEntry
  readonly shelf: ModelShelf
  /** The key of calls that bring none: the platform has let them in. */
  readonly platformKey?: string | undefined
}

/**
 * SageMaker's contract of a container in front of the service: every call becomes one of a route of
 * the service, so it is let in, counted and paid as any other.
 * https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html and
 * https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
 */
export function sagemakerEndpoint(options: SagemakerOptions): Endpoint {
  const { services, endpoint, isReady, model, shelf, platformKey } = options

  /** @throws ServiceError those of `Authenticate`, `scope_missing` */
  async function letIn(request: HttpRequest, scope: Scope): Promise<HttpRequest> {
    const { authorization, 'x-api-key': apiKey } = request.headers
    const isKeyless = authorization === undefined && apiKey === undefined
    const headers =
      isKeyless && platformKey !== undefined
        ? { ...request.headers, authorization: `Bearer ${platformKey}` }
        : request.headers
    const caller = await services.authenticate({
      authorization: headers.authorization,
      apiKey: headers['x-api-key'],
      sourceIp: request.sourceIp,
    })
    requireScope(caller, scope)
    return { ...request, headers }
  }

  async function invoke(
    request: HttpRequest,
    find: () => { entry: ModelEntry; endpoint: Endpoint },
    outOfMemoryStatus = 503,
  ): Promise<HttpResponse> {
    try {
      // Who is not let in has nothing inflated or parsed.
      const known = await letIn(request, 'predict')
      const { entry, endpoint } = find()
      const { bodyLimitBytes: limitBytes } = services
      const invocation = readInvocation(await inflateBody(known, { limitBytes }), entry)
      const response = await endpoint(invocation.request)
      const answer = invocation.answer(response)
      return lacksMemory(response) ? { ...answer, status: outOfMemoryStatus } : answer
    } catch (thrown) {
      return invocationError(logged(thrown))
    }
  }

  const logged = (thrown: unknown): ServiceError => {
    const error = ServiceError.from(thrown)
    if (error.status >= 500) services.logger.error(error.title, { code: error.code, cause: thrown })
    return error
  }

  /** Loads, lists and unloads models. Want of memory is 507 here: others are unloaded, and it is tried again. */
  async function manage(request: HttpRequest, name: string | undefined): Promise<HttpResponse> {
    const { method } = request
    try {
      const known = await letIn(request, method === 'GET' ? 'models:read' : 'admin')
      if (method === 'GET' && name === undefined)
        return jsonResponse(shelfPage(shelf.list(), request.query.next_page_token))
      if (method === 'GET') return jsonResponse(shelfItem(shelf.find(name ?? '')))
      if (method === 'DELETE' && name !== undefined) await shelf.unload(name)
      else if (method === 'POST' && name === undefined) {
        const { modelName, url } = readShelfRequest(known)
        await shelf.load(modelName, url)
        services.logger.info('a model was loaded', { model: modelName, location: url })
      } else throw new ServiceError('method_not_allowed')
      return jsonResponse({})
    } catch (thrown) {
      const error = logged(thrown)
      const answer = invocationError(error)
      return error.code === 'out_of_memory' ? { ...answer, status: 507 } : answer
    }
  }

  return async (request) => {
    const [, room, name, verb, ...rest] = request.path.split('/')
    if (request.path === '/ping' && request.method === 'GET') return empty(isReady() ? 200 : 503)
    if (request.path === '/invocations' && request.method === 'POST')
      return invoke(request, () => ({ entry: model(), endpoint }))
    if (room !== 'models' || rest.length > 0) return endpoint(request)
    if (verb === 'invoke' && name && request.method === 'POST') {
      const target = request.headers['x-amzn-sagemaker-target-model']
      services.logger.info('a model was asked', { model: name, detail: printable(target) })
      return invoke(request, () => shelf.find(name), 507)
    }
    return verb === undefined && name !== '' ? manage(request, name) : endpoint(request)
  }
}

const empty = (status: number): HttpResponse => ({ status, headers: {}, body: '' })

/** Whatever the dialect, its body names the code. */
const lacksMemory = ({ status, body }: HttpResponse) =>
  status === 503 && Buffer.from(body).includes('out_of_memory')

/** A caller's word, safe to log. */
const printable = (word: string | undefined) => word?.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
