import type { Caller } from '#shared/access/caller.ts'
import type { Call } from '../call.ts'

/** Whom each call comes from: the one thing that travels beside it. */
const callers = new WeakMap<Call, Caller>()

export function setCaller(call: Call, caller: Caller): void {
  callers.set(call, caller)
}

/** Who is calling; `undefined` on open routes and before the `authenticate` step. */
export function callerOf(call: Call): Caller | undefined {
  return callers.get(call)
}
