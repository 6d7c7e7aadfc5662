/** What becomes of one operation of a port: whoever decides it calls `operation` once, twice or never. */
export type Around = <Outcome>(name: string, operation: () => Promise<Outcome>) => Promise<Outcome>

/** A port whose every operation goes through `around`. What gives a stream is wrapped by its owner. */
export function aroundPort<Port extends object>(name: string, port: Port, around: Around): Port {
  return new Proxy(port, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key)
      if (typeof method !== 'function' || key === 'close') return method
      if (key === 'read') return (...asked: unknown[]) => readAround(method, asked)
      return (...asked: unknown[]) =>
        around(`${name}.${String(key)}`, async () => Reflect.apply(method, target, asked))
    },
  })

  /** A stream may fail where it begins, and after each piece. */
  async function* readAround(read: CallableFunction, asked: unknown[]) {
    await around(`${name}.read`, async () => undefined)
    for await (const piece of Reflect.apply(read, port, asked) as AsyncIterable<Uint8Array>) {
      yield piece
      await around(`${name}.read on`, async () => undefined)
    }
  }
}
