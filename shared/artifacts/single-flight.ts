/** What a shared piece of work is given. */
export interface FlightOptions<Progress> {
  /** Aborted once the last caller has gone. */
  readonly signal: AbortSignal
  /** Reaches every caller that is waiting. */
  readonly onProgress: (progress: Progress) => void
}

export interface FlightCaller<Progress> {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * Runs a piece of work once for everybody who asks for it under the same key while it is running.
 * Nothing is kept afterwards, neither values nor failures. A caller who aborts gets its signal's
 * reason at once and leaves the others undisturbed.
 */
export function singleFlight<Value, Progress = never>() {
  const flights = new Map<string, Flight<Value, Progress>>()

  /** @param start is called only where no such work is running */
  return async function join(
    key: string,
    start: (options: FlightOptions<Progress>) => Promise<Value>,
    caller: FlightCaller<Progress> = {},
  ): Promise<Value> {
    caller.signal?.throwIfAborted()
    const flight = flights.get(key) ?? takeOff(key, start)
    flight.callers.add(caller)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = () => reject(caller.signal?.reason)
    caller.signal?.addEventListener('abort', onAbort)
    try {
      return await Promise.race([flight.value, aborted])
    } finally {
      caller.signal?.removeEventListener('abort', onAbort)
      flight.callers.delete(caller)
      if (flight.callers.size === 0) flight.land()
    }
  }

  function takeOff(key: string, start: (options: FlightOptions<Progress>) => Promise<Value>) {
    const stop = new AbortController()
    const callers = new Set<FlightCaller<Progress>>()
    const onProgress = (progress: Progress) => {
      for (const caller of callers) caller.onProgress?.(progress)
    }
    const land = () => {
      // Whoever comes now begins anew, rather than join work that was told to stop.
      if (flights.get(key) === flight) flights.delete(key)
      stop.abort()
    }
    // Started a microtask later, so that the first caller is aboard before any progress.
    const value = Promise.resolve().then(() => start({ signal: stop.signal, onProgress }))
    const flight: Flight<Value, Progress> = { value, callers, land }
    flights.set(key, flight)
    // Also without callers a failure is nobody's unhandled rejection.
    value.then(land, land)
    return flight
  }
}

interface Flight<Value, Progress> {
  readonly value: Promise<Value>
  readonly callers: Set<FlightCaller<Progress>>
  readonly land: () => void
}
