import { expect, test } from 'vitest'
import { type FlightOptions, singleFlight } from '#shared/artifacts/single-flight.ts'

/** Work that ends when the test says so. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const started: FlightOptions<number>[] = []
  const start = (options: FlightOptions<number>) => {
    started.push(options)
    return promise
  }
  return { start, started, resolve, reject }
}

test('starts once for callers who come while it runs, and again for those who come later', async () => {
  const join = singleFlight<string, number>()
  const [first, second] = [work(), work()]
  const callers = [join('a', first.start), join('a', first.start), join('b', second.start)]
  second.resolve('two')
  expect(await callers[2]).toBe('two')
  first.resolve('one')
  expect(await Promise.all(callers)).toEqual(['one', 'one', 'two'])
  expect(first.started).toHaveLength(1)
  await join('a', first.start)
  expect(first.started).toHaveLength(2)
})

test('gives a failure to everybody who waits, and to nobody after them', async () => {
  const join = singleFlight<string, number>()
  const { start, reject } = work()
  const callers = [join('a', start), join('a', start)]
  reject(new Error('lost'))
  for (const caller of callers) await expect(caller).rejects.toThrow('lost')
  expect(await join('a', async () => 'found')).toBe('found')
})

test('lets one caller go without disturbing the others', async () => {
  const join = singleFlight<string, number>()
  const { start, started, resolve } = work()
  const [impatient, reason] = [new AbortController(), new Error('enough')]
  const gone = join('a', start, { signal: impatient.signal })
  const waiting = join('a', start)
  impatient.abort(reason)
  await expect(gone).rejects.toBe(reason)
  expect(started[0]?.signal.aborted).toBe(false)
  resolve('one')
  expect(await waiting).toBe('one')
})

test('stops the work when the last caller has gone, and begins anew for the next', async () => {
  const join = singleFlight<string, number>()
  const { start, started } = work()
  const callers = [new AbortController(), new AbortController()]
  const gone = callers.map(({ signal }) => join('a', start, { signal }))
  for (const caller of callers) caller.abort()
  expect(await Promise.allSettled(gone)).toMatchObject([
    { status: 'rejected' },
    { status: 'rejected' },
  ])
  expect(started[0]?.signal.aborted).toBe(true)
  expect(await join('a', async () => 'anew')).toBe('anew')
})

test('tells its progress to everybody who waits', async () => {
  const join = singleFlight<string, number>()
  const { start, started, resolve } = work()
  const seen: string[] = []
  const callers = ['x', 'y'].map((name) =>
    join('a', start, { onProgress: (share) => seen.push(`${name}${share}`) }),
  )
  await Promise.resolve()
  started[0]?.onProgress(1)
  resolve('one')
  await Promise.all(callers)
  expect(seen).toEqual(['x1', 'y1'])
})

test('does not start for a caller who has already gone', async () => {
  const join = singleFlight<string, number>()
  const { start, started } = work()
  await expect(join('a', start, { signal: AbortSignal.abort() })).rejects.toThrow()
  expect(started).toHaveLength(0)
})
