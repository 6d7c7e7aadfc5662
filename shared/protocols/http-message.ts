/** A request as every host hands it over: Lambda events and Node's streams end here. */
export interface HttpRequest {
  readonly method: string
  /** Decoded path without the query, e.g. `/v1/models/iris/predict`. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Names in lower case; several values joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
  /** The body is larger than the host's limit, so the host stopped reading it. */
  readonly oversized?: boolean
  readonly sourceIp: string
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array
}

/** What a place where HTTP arrives calls. It never throws: a failure is a response, too. */
export interface Endpoint {
  (request: HttpRequest): Promise<HttpResponse>
  /** Does ahead of the first call what it would have to wait for. */
  warm?: () => Promise<void>
}

export function jsonResponse(value: unknown, status = 200): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  }
}
