import type { Scope } from '#shared/access/scopes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { type Dialect, openaiDialect, openInferenceDialect, plainDialect } from './dialect.ts'

/**
 * Every route of the service. A variable such as `{model}` is one path segment; on the plain call
 * the model may carry a version or alias, `iris@2`. A route without a scope is open to everyone.
 */
export const routes = [
  route('GET', '/', 'index', plainDialect),
  route('GET', '/openapi.json', 'openapi', plainDialect),
  route('GET', '/v1/models', 'models', plainDialect, 'models:read'),
  route('GET', '/v1/models/{model}', 'model', plainDialect, 'models:read'),
  route('POST', '/v1/models/{model}/predict', 'predict', plainDialect, 'predict'),
  route('GET', '/v2', 'server-metadata', openInferenceDialect),
  route('GET', '/v2/health/live', 'live', openInferenceDialect),
  route('GET', '/v2/health/ready', 'ready', openInferenceDialect),
  route('GET', '/v2/models', 'v2-models', openInferenceDialect, 'models:read'),
  ...['', '/versions/{version}'].flatMap((version) => [
    route(
      'GET',
      `/v2/models/{model}${version}`,
      'model-metadata',
      openInferenceDialect,
      'models:read',
    ),
    route(
      'GET',
      `/v2/models/{model}${version}/ready`,
      'model-ready',
      openInferenceDialect,
      'models:read',
    ),
    route('POST', `/v2/models/{model}${version}/infer`, 'infer', openInferenceDialect, 'predict'),
  ]),
  route('GET', '/v1/price', 'price', plainDialect, 'models:read'),
  route('POST', '/v1/estimate', 'estimate', plainDialect, 'models:read'),
  route('GET', '/v1/keys', 'keys', plainDialect, 'account:read'),
  route('POST', '/v1/keys', 'create-key', plainDialect, 'account:write'),
  route('GET', '/v1/keys/{id}', 'key', plainDialect, 'account:read'),
  route('PATCH', '/v1/keys/{id}', 'change-key', plainDialect, 'account:write'),
  route('DELETE', '/v1/keys/{id}', 'revoke-key', plainDialect, 'account:write'),
  route('POST', '/v1/keys/{id}/rotate', 'rotate-key', plainDialect, 'account:write'),
  route('GET', '/v1/account', 'account', plainDialect, 'account:read'),
  route('PUT', '/v1/account', 'open-account', plainDialect, 'admin'),
  route('GET', '/v1/credits', 'credits', plainDialect, 'account:read'),
  route('POST', '/v1/credits', 'add-credit', plainDialect, 'admin'),
  route('POST', '/v1/refunds', 'refund', plainDialect, 'admin'),
  route('GET', '/v1/usage', 'usage', plainDialect, 'account:read'),
  route('GET', '/v1/costs', 'costs', plainDialect, 'account:read'),
  route('GET', '/v1/ledger', 'ledger', plainDialect, 'account:read'),
  route('GET', '/v1/ledger/export', 'export-ledger', plainDialect, 'account:read'),
  route('GET', '/v1/invoices', 'invoices', plainDialect, 'account:read'),
  route('GET', '/v1/invoices/{month}', 'invoice', plainDialect, 'account:read'),
  route('POST', '/v1/chat/completions', 'chat-completion', openaiDialect, 'predict'),
  route('POST', '/v1/completions', 'text-completion', openaiDialect, 'predict'),
  route('GET', '/v1/jobs', 'jobs', plainDialect, 'predict'),
  route('GET', '/v1/jobs/{id}', 'job', plainDialect, 'predict'),
  route('GET', '/v1/jobs/{id}/result', 'job-result', plainDialect, 'predict'),
  route('POST', '/v1/jobs/{id}/cancel', 'cancel-job', plainDialect, 'predict'),
  route('GET', '/v1/webhook-secret', 'webhook-secret', plainDialect, 'account:read'),
  route('POST', '/v1/webhook-secret', 'make-webhook-secret', plainDialect, 'account:write'),
  route('POST', '/v1/batch-jobs', 'create-batch-job', plainDialect, 'predict'),
  route('GET', '/v1/batch-jobs', 'batch-jobs', plainDialect, 'predict'),
  route('GET', '/v1/batch-jobs/{id}', 'batch-job', plainDialect, 'predict'),
  route('POST', '/v1/batch-jobs/{id}/cancel', 'cancel-batch-job', plainDialect, 'predict'),
  route('POST', '/v1/batch-jobs/{id}/resume', 'resume-batch-job', plainDialect, 'predict'),
  route('GET', '/v1/batch-jobs/{id}/events', 'batch-job-events', plainDialect, 'predict'),
  route('GET', '/v1/batch-jobs/{id}/results', 'batch-job-results', plainDialect, 'predict'),
  route('GET', '/v1/batch-jobs/{id}/errors', 'batch-job-errors', plainDialect, 'predict'),
  route('GET', '/v1/batch-jobs/{id}/manifest', 'batch-job-manifest', plainDialect, 'predict'),
  { ...route('POST', '/v1/files', 'create-file', openaiDialect, 'predict'), takesUpload: true },
  route('GET', '/v1/files', 'files', openaiDialect, 'predict'),
  route('GET', '/v1/files/{id}', 'file', openaiDialect, 'predict'),
  route('DELETE', '/v1/files/{id}', 'delete-file', openaiDialect, 'predict'),
  route('GET', '/v1/files/{id}/content', 'file-content', openaiDialect, 'predict'),
  route('POST', '/v1/batches', 'create-batch', openaiDialect, 'predict'),
  route('GET', '/v1/batches', 'batches', openaiDialect, 'predict'),
  route('GET', '/v1/batches/{id}', 'batch', openaiDialect, 'predict'),
  route('POST', '/v1/batches/{id}/cancel', 'cancel-batch', openaiDialect, 'predict'),
] as const

export type Action =
  | 'index'
  | 'openapi'
  | 'models'
  | 'model'
  | 'predict'
  | 'server-metadata'
  | 'live'
  | 'ready'
  | 'v2-models'
  | 'model-metadata'
  | 'model-ready'
  | 'infer'
  | AccountAction
  | BatchAction
  | GenerationAction
  | JobAction

/** What models that write are asked for. */
export type GenerationAction = 'chat-completion' | 'text-completion'

/** What concerns calls that were put off. */
export type JobAction =
  | 'jobs'
  | 'job'
  | 'job-result'
  | 'cancel-job'
  | 'webhook-secret'
  | 'make-webhook-secret'

/** What concerns files that are scored. */
export type BatchAction =
  | 'create-batch-job'
  | 'batch-jobs'
  | 'batch-job'
  | 'cancel-batch-job'
  | 'resume-batch-job'
  | 'batch-job-events'
  | 'batch-job-results'
  | 'batch-job-errors'
  | 'batch-job-manifest'
  | 'create-file'
  | 'files'
  | 'file'
  | 'delete-file'
  | 'file-content'
  | 'create-batch'
  | 'batches'
  | 'batch'
  | 'cancel-batch'

/** What concerns keys, money and prices. */
export type AccountAction =
  | 'price'
  | 'estimate'
  | 'keys'
  | 'create-key'
  | 'key'
  | 'change-key'
  | 'revoke-key'
  | 'rotate-key'
  | 'account'
  | 'open-account'
  | 'credits'
  | 'add-credit'
  | 'refund'
  | 'usage'
  | 'costs'
  | 'ledger'
  | 'export-ledger'
  | 'invoices'
  | 'invoice'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Route {
  readonly method: Method
  readonly path: string
  readonly action: Action
  readonly dialect: Dialect
  readonly scope: Scope | undefined
  /** The body is a file of any length, handed over while it arrives. */
  readonly takesUpload?: boolean
}

export interface RouteMatch {
  readonly route: Route
  /** Without the version. */
  readonly model: string | undefined
  readonly version: string | undefined
  /** `{id}` of a key, `{month}` of an invoice. */
  readonly id: string | undefined
}

/** A path that leads nowhere: in which dialect to say so, and why. */
export interface RouteMiss {
  readonly dialect: Dialect
  readonly error: ServiceError
  /** The methods that the path does take. */
  readonly allow?: string
}

/** Where KServe serves the OpenAI API: its routes are found there, too. */
const openaiMount = '/openai/v1/'
const isOpenai = ({ dialect, action }: Route) =>
  dialect === openaiDialect || action === 'models' || action === 'model'

/** HEAD is asked wherever GET is (RFC 9110, 9.3.2); the host leaves the body out. */
export function matchRoute(method: string, path: string): RouteMatch | RouteMiss {
  const asked = method === 'HEAD' ? 'GET' : method
  const isMounted = path.startsWith(openaiMount)
  const own = isMounted ? path.slice(openaiMount.indexOf('/v1')) : path
  const segments = own.replace(/(?<=.)\/$/, '').split('/')
  const candidates = patterns.filter(
    ({ route, segments: pattern }) => fits(pattern, segments) && (!isMounted || isOpenai(route)),
  )
  const found = candidates.find(({ route }) => route.method === asked)
  if (found) return { route: found.route, ...variablesOf(found.segments, segments) }
  const dialect = candidates[0]?.route.dialect ?? dialectOf(segments)
  if (candidates.length === 0) return { dialect, error: new ServiceError('route_not_found') }
  const allowed = candidates
    .flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]))
    .join(', ')
  return {
    dialect,
    error: new ServiceError('method_not_allowed', { detail: `This path takes ${allowed}.` }),
    allow: allowed,
  }
}

/** Where nothing is: as what lies next to it. */
function dialectOf([, room, collection = '']: readonly string[]): Dialect {
  if (room === 'v2') return openInferenceDialect
  return room === 'v1' && openaiRooms.has(collection) ? openaiDialect : plainDialect
}

const openaiRooms: ReadonlySet<string> = new Set(['files', 'batches', 'chat', 'completions'])

const patterns = routes.map((route) => ({ route, segments: route.path.split('/').map(part) }))

function part(segment: string): string | { variable: string } {
  return segment.startsWith('{') ? { variable: segment.slice(1, -1) } : segment
}

function fits(pattern: readonly (string | object)[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, at) =>
      typeof part === 'object' ? segments[at] !== '' : part === segments[at],
    )
  )
}

function variablesOf(
  pattern: readonly (string | { variable: string })[],
  segments: readonly string[],
): Pick<RouteMatch, 'model' | 'version' | 'id'> {
  const values = new Map<string, string>()
  pattern.forEach((part, at) => {
    if (typeof part === 'object') values.set(part.variable, segments[at] ?? '')
  })
  const [model, ...alias] = (values.get('model') ?? '').split('@')
  const version = alias.length > 0 ? alias.join('@') : undefined
  return {
    model: model || undefined,
    version: values.get('version') ?? version,
    id: values.get('id') ?? values.get('month'),
  }
}

function route(
  method: Method,
  path: string,
  action: Action,
  dialect: Dialect,
  scope?: Scope,
): Route {
  return { method, path, action, dialect, scope }
}
