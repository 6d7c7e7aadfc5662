import type * as z from 'zod/mini'
import type { Caller } from '#shared/access/caller.ts'
import { requireScope } from '#shared/access/require-scope.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { identifyRequest } from '#shared/metering/request-identity.ts'
import { callerOf } from '#shared/middleware/authenticate/caller-of.ts'
import { isMiss } from '#shared/middleware/call.ts'
import type { HttpRequest, HttpResponse } from '#shared/protocols/http-message.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { readBodyMembers, readQuery } from '#shared/protocols/read-members.ts'
import { type Action, type ActionServices, action } from './action.ts'

/** Who asks, and what the path and headers say. */
export interface AccountCall {
  readonly caller: Caller
  readonly tenant: string
  /** `{id}` or `{month}` of the path. */
  readonly id: string
  readonly request: HttpRequest
  /** Hash of (tenant, route, Idempotency-Key); absent without that header. */
  readonly idempotencyKey: string | undefined
  /** Hash of the whole request, by which another one under the same key is told; absent like that. */
  readonly fingerprint: string | undefined
}

export interface AccountSteps<Schema extends z.ZodMiniType> {
  /** Of the query for GET, HEAD and DELETE, else of the body. */
  readonly schema: Schema
  readonly run: (input: z.output<Schema>, call: AccountCall) => unknown | Promise<unknown>
  /** Default: the JSON of what `run` returns. */
  readonly encode?: (output: never) => HttpResponse
}

/** One action of the account: members checked by a schema, and a JSON answer that nobody caches. */
export function accountAction<Schema extends z.ZodMiniType>(
  services: ActionServices,
  { schema, run, encode = jsonResponse as (output: never) => HttpResponse }: AccountSteps<Schema>,
): Action {
  return action(services, {
    decode(call) {
      const { match, request } = call
      if (isMiss(match)) throw match.error
      const caller = callerOf(call)
      if (!caller) throw new ServiceError('credentials_missing')
      const inQuery = ['GET', 'HEAD', 'DELETE'].includes(request.method)
      const members = inQuery ? readQuery(request, schema) : readBodyMembers(request, schema)
      const { tenant } = caller
      const identity = identityOf(request, tenant)
      return { members, call: { caller, tenant, id: match.id ?? '', request, ...identity } }
    },
    run: ({ members, call }) => run(members, call),
    encode(output) {
      const response = encode(output as never)
      return { ...response, headers: { 'cache-control': 'no-store', ...response.headers } }
    },
  })
}

/**
 * The tenant that is meant: another than the own one only for administrators.
 *
 * @param missing for what others are not to know of: the code with which it does not exist
 */
export function tenantOf(
  { caller, tenant }: AccountCall,
  named: string | undefined,
  missing?: 'key_not_found' | 'resource_not_found',
): string {
  if (named === undefined || named === tenant) return tenant
  if (missing && !caller.scopes.includes('admin')) throw new ServiceError(missing)
  requireScope(caller, 'admin')
  return named
}

function identityOf(
  request: HttpRequest,
  tenant: string,
): Pick<AccountCall, 'idempotencyKey' | 'fingerprint'> {
  const idempotencyKey = request.headers['idempotency-key']
  if (idempotencyKey === undefined) return { idempotencyKey, fingerprint: undefined }
  const { requestKey, fingerprint } = identifyRequest({
    tenant,
    // It names no sale here, and any key of the tenant may repeat the request.
    mode: 'live',
    keyId: '',
    request,
    newId: () => '',
  })
  return { idempotencyKey: requestKey, fingerprint }
}
