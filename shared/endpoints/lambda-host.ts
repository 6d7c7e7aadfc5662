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
  const timeUp = new Promise<void>((resolve) => setTimeout(resolve, longestWarmMs).unref())
  await Promise.race([endpoint.warm?.().catch(() => undefined), timeUp])
  return async (event) => toResult(await endpoint(toRequest(event)))
}

function toRequest(event: APIGatewayProxyEventV2): HttpRequest {
  const { body, isBase64Encoded, headers, requestContext, queryStringParameters } = event
  return {
    method: requestContext.http.method,
    path: pathOf(requestContext),
    query: (queryStringParameters ?? {}) as Record<string, string>,
    headers,
    body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'),
    sourceIp: requestContext.http.sourceIp,
  }
}

/** Decoded by the gateway already; every stage but `$default` stands in front of it. */
function pathOf({ http, stage }: APIGatewayProxyEventV2['requestContext']): string {
  const prefix = `/${stage}`
  if (stage === '$default' || !`${http.path}/`.startsWith(`${prefix}/`)) return http.path
  return http.path.slice(prefix.length) || '/'
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
