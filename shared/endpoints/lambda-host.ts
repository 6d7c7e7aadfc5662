import { Readable } from 'node:stream'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { Endpoint, HttpRequest, HttpResponse } from '#shared/protocols/http-message.ts'

type Handler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>

/** Lambda ends an init that takes 10 s; a store that is slow must not cost the whole environment. */
const longestWarmMs = 8_000

/**
 * An endpoint as a Lambda handler behind an HTTP API (payload format 2.0). Awaited at the top of
 * the handler's module, so that the model is loaded in the init phase, which has two CPUs at least.
 * What fails there is tried again by the first call, which can tell its caller why.
 */
export async function onLambda(endpoint: Endpoint): Promise<Handler> {
  await warmUp(endpoint)
  return async (event) => toResult(await collected(await endpoint(toRequest(event, endpoint))))
}

/** Whatever comes of it: the first call tries again. */
export async function warmUp(endpoint: Endpoint): Promise<void> {
  const timeUp = new Promise<void>((resolve) => setTimeout(resolve, longestWarmMs).unref())
  await Promise.race([endpoint.warm?.().catch(() => undefined), timeUp])
}

/** The request of an event. */
export function toRequest(event: APIGatewayProxyEventV2, { takesUpload }: Endpoint): HttpRequest {
  const { body: text, isBase64Encoded, headers, requestContext, queryStringParameters } = event
  const { method } = requestContext.http
  const path = pathOf(requestContext)
  const body = Buffer.from(text ?? '', isBase64Encoded ? 'base64' : 'utf8')
  const isUpload = takesUpload?.(method, path) === true
  return {
    method,
    path,
    query: (queryStringParameters ?? {}) as Record<string, string>,
    headers,
    ...(isUpload ? { body: new Uint8Array(), stream: Readable.from([body]) } : { body }),
    sourceIp: requestContext.http.sourceIp,
  }
}

/** Decoded by the gateway already; every stage but `$default` stands in front of it. */
function pathOf({ http, stage }: APIGatewayProxyEventV2['requestContext']): string {
  const prefix = `/${stage}`
  if (stage === '$default' || !`${http.path}/`.startsWith(`${prefix}/`)) return http.path
  return http.path.slice(prefix.length) || '/'
}

/** An HTTP API passes whole answers on: a stream is sent when it has ended. */
async function collected(response: HttpResponse): Promise<HttpResponse> {
  if (!response.stream) return response
  const pieces: Uint8Array[] = []
  for await (const piece of response.stream) pieces.push(piece)
  return { ...response, body: Buffer.concat(pieces) }
}

/** Text goes as text: base64 would take a third more of the 6 MB that an answer may have. */
function toResult({ status, headers, body }: HttpResponse): APIGatewayProxyStructuredResultV2 {
  const isText =
    typeof body === 'string' ||
    (headers['content-encoding'] === undefined &&
      /^(text\/|application\/([\w.-]+\+)?json)/.test(headers['content-type'] ?? ''))
  return {
    statusCode: status,
    headers,
    body: typeof body === 'string' ? body : Buffer.from(body).toString(isText ? 'utf8' : 'base64'),
    isBase64Encoded: !isText,
  }
}
