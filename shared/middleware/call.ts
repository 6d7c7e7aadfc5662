import type { HttpRequest, HttpResponse } from '#shared/protocols/http-message.ts'
import type { RouteMatch, RouteMiss } from '#shared/protocols/routes.ts'

/**
 * One call on its way through the steps. `Input` is what the route's decoder makes of the request;
 * it is there once the `validate` step has passed.
 */
export interface Call<Input = unknown> {
  request: HttpRequest
  readonly match: RouteMatch | RouteMiss
  readonly receivedAt: number
  /** Set by the first step. */
  id: string
  input: Input
  /** An answer that was given before: nothing is run, and this is sent. */
  replay?: HttpResponse | undefined
}

export const isMiss = (match: RouteMatch | RouteMiss): match is RouteMiss => 'error' in match
