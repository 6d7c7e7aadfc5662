import type { ServiceError } from '#shared/errors/service-error.ts'
import { type HttpResponse, jsonResponse } from './http-message.ts'

/** A way of speaking HTTP. The body of an error depends on the route, never on the failure. */
export interface Dialect {
  readonly name: string
  encodeError(error: ServiceError, requestId: string): HttpResponse
}

/** Errors as problem details (RFC 9457), with our code, the way to mend it and the request id. */
export const plainDialect: Dialect = {
  name: 'plain',
  encodeError(error, requestId) {
    const response = jsonResponse(
      {
        type: `urn:percall:error:${error.code}`,
        title: error.title,
        status: error.status,
        ...(error.detail !== undefined && { detail: error.detail }),
        code: error.code,
        fix: error.fix,
        retryable: error.retryable,
        ...(error.model !== undefined && { model: error.model }),
        request_id: requestId,
      },
      error.status,
    )
    response.headers['content-type'] = 'application/problem+json'
    return response
  },
}

/**
 * Open Inference Protocol v2: `{"error": text}`. Its clients know bad input as 400, and an unknown
 * Content-Encoding as 501 (Triton's status map).
 */
export const openInferenceDialect: Dialect = {
  name: 'open-inference',
  encodeError(error) {
    const status =
      error.code === 'unsupported_encoding' ? 501 : error.status === 422 ? 400 : error.status
    return jsonResponse(
      { error: `${error.code}: ${error.detail ?? error.title} ${error.fix}` },
      status,
    )
  },
}

/**
 * OpenAI: `{"error": {message, type, param, code}}`. Its clients know bad input as 400, and try a 409
 * again (openai-node), which here never helps.
 */
export const openaiDialect: Dialect = {
  name: 'openai',
  encodeError(error) {
    const status = error.status === 422 || error.status === 409 ? 400 : error.status
    return jsonResponse(
      {
        error: {
          message: `${error.detail ?? error.title} ${error.fix}`,
          type: typeOf(status),
          param: error.param ?? null,
          code: error.code,
        },
      },
      status,
    )
  },
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
