import { randomUUID } from 'node:crypto'
import type { DeployedRoute } from './deployment.ts'

export interface HttpCall {
  readonly method: string
  /** With the query, as on the wire. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface HttpAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * The route that API Gateway would choose: a whole path before one with a greedy variable, a named
 * segment before a variable, a method before ANY, `$default` last.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
export function chooseRoute(
  routes: readonly DeployedRoute[],
  { method, path }: HttpCall,
): DeployedRoute | undefined {
  const [pathname = ''] = path.split('?')
  return routes
    .filter(({ key }) => key === '$default' || matches(key, method, decodeURIComponent(pathname)))
    .sort((a, b) => precedence(b.key) - precedence(a.key))[0]
}

function matches(key: string, method: string, path: string): boolean {
  const [routeMethod, routePath = ''] = key.split(' ')
  const pattern = routePath
    .replace(/[.*?^$()|[\]\\]/g, '\\$&')
    .replace(/\{\w+\+\}/g, '.+')
    .replace(/\{\w+\}/g, '[^/]+')
  return (routeMethod === 'ANY' || routeMethod === method) && new RegExp(`^${pattern}$`).test(path)
}

function precedence(key: string): number {
  if (key === '$default') return -1_000
  const greedy = key.includes('+}') ? 100 : 0
  const variables = key.split('{').length - 1
  return -greedy - variables * 2 - (key.startsWith('ANY') ? 1 : 0)
}

/** The event of a call, as an HTTP API hands it over (payload format 2.0). */
export function httpApiEvent({ method, path, headers = {}, body }: HttpCall, routeKey: string) {
  const [pathname = '', query = ''] = path.split('?')
  const lowerCase = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const bytes = body === undefined ? undefined : Buffer.from(body as string)
  const asText = isText(lowerCase)
  const rawPath = decodeURIComponent(pathname)
  return {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString: query,
    headers: {
      host: 'percall.execute-api.eu-central-1.amazonaws.com',
      'x-forwarded-for': '203.0.113.7',
      ...(bytes && { 'content-length': String(bytes.length) }),
      ...lowerCase,
    },
    ...(query && { queryStringParameters: Object.fromEntries(new URLSearchParams(query)) }),
    requestContext: {
      accountId: '123456789012',
      apiId: 'percall',
      domainName: 'percall.execute-api.eu-central-1.amazonaws.com',
      http: {
        method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: '203.0.113.7',
        userAgent: lowerCase['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey,
      stage: '$default',
      timeEpoch: Date.now(),
    },
    ...(bytes && { body: bytes.toString(asText ? 'utf8' : 'base64') }),
    isBase64Encoded: bytes !== undefined && !asText,
  }
}

/** What the caller gets for what a function returned. */
export function httpAnswer(payload: unknown): HttpAnswer {
  const {
    statusCode,
    headers = {},
    body = '',
    isBase64Encoded = false,
  } = payload as {
    statusCode?: number
    headers?: Record<string, string | number>
    body?: string
    isBase64Encoded?: boolean
  }
  if (statusCode === undefined) return gatewayAnswer(500, 'Internal Server Error')
  return {
    status: statusCode,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
    ),
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
  }
}

/** What API Gateway answers by itself. */
export function gatewayAnswer(status: number, message: string): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ message })),
  }
}

function isText(headers: Readonly<Record<string, string>>): boolean {
  if (headers['content-encoding']) return false
  return /^(text\/|application\/([\w.-]+\+)?(json|xml|javascript|x-www-form-urlencoded))/.test(
    headers['content-type'] ?? 'text/plain',
  )
}
