import type { Caller } from '#shared/access/caller.ts'
import type { Units } from '#shared/metering/ledger.ts'

/** A request as every host hands it over: Lambda events and Node's streams end here. */
export interface HttpRequest {
  readonly method: string
  /** Decoded path without the query, e.g. `/v1/models/iris/predict`. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Names in lower case; several values joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
  /** What came over the wire, where the body was compressed and has been inflated. */
  readonly sentBytes?: number
  /** The body is larger than the host's limit, so the host stopped reading it. */
  readonly oversized?: boolean
  /** Of an upload: the body while it arrives, of any length; `body` is empty. */
  readonly stream?: AsyncIterable<Uint8Array>
  readonly sourceIp: string
  /** Aborted when the caller goes away before he has been answered, where the host can tell. */
  readonly signal?: AbortSignal
  /** Of a call that was put off and is run now. No host sets it of what arrives. */
  readonly deferred?: DeferredRun
}

/** It was counted against rates when it came; who asked is looked up again. */
export interface DeferredRun {
  /** @throws ServiceError where he may not call any more */
  readonly caller: () => Promise<Caller>
  /** The version that was in force when it was put off, e.g. `iris@1`. */
  readonly model: string
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array
  /**
   * What follows the body, made while it is sent: events, a large file. It is ended (`return`) when
   * the caller goes away; what it throws cuts the answer off.
   */
  readonly stream?: AsyncIterable<Uint8Array>
  /** Of a paid answer. It goes no further than the meter. */
  readonly sold?: Sold
}

/** What an answer is worth where only its run can tell. */
export interface Sold {
  /** Of what was bought, that which the parts made so far have taken. */
  readonly consumed: () => Units
  /** The end of a stream: it says that the answer is whole, and is sent once the charge stands. */
  readonly end?: Uint8Array
  /** What a stream says in the middle where it fails, made of the body of the error. */
  readonly failure?: (body: string) => Uint8Array
}

/** What a place where HTTP arrives calls. It never throws: a failure is a response, too. */
export interface Endpoint {
  (request: HttpRequest): Promise<HttpResponse>
  /** Does ahead of the first call what it would have to wait for. */
  warm?: () => Promise<void>
  /** Whether a request is an upload: its body is handed over while it arrives. */
  takesUpload?: (method: string, path: string) => boolean
}

export function jsonResponse(value: unknown, status = 200): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  }
}
