import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSqsSaleOutbox } from '#shared/metering/sqs-sale-outbox.ts'
import { startFaultyHttpServer } from '#test/servers/faulty-http-server.ts'
import { refusal } from '#test/support/refusal.ts'
import { allOf, describeSaleOutbox, newSoldCall } from './sale-outbox-contract.ts'
import { startSqsOutboxes } from './sqs-outbox-server.ts'

const unavailable = refusal('store_unavailable')

describe('an outbox of sold calls in SQS', () => {
  let world: Awaited<ReturnType<typeof startSqsOutboxes>>
  beforeAll(async () => {
    world = await startSqsOutboxes()
  })
  afterAll(() => world?.stop())
  // The server runs in this process: its time is ours.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())
  const pass = (ms: number) => void vi.setSystemTime(Date.now() + ms)

  describeSaleOutbox({ open: (options) => world.newQueue().open(options), pass })

  test('takes no call that is too large for a message', async () => {
    const outbox = world.newQueue().open()
    const largeCall = (bytes: number) =>
      newSoldCall({ answer: { status: 200, headers: {}, body: new Uint8Array(bytes) } })
    expect(await outbox.put(largeCall(196_000))).toBe(true)
    expect(await outbox.put(largeCall(197_000))).toBe(false)
    expect(await allOf(outbox)).toHaveLength(1)
    await outbox.close()
  })

  test('bounds each process by itself, until that has seen the queue empty', async () => {
    const queue = world.newQueue()
    const [mine, another] = [queue.open({ mostOwnCalls: 2 }), queue.open({ mostOwnCalls: 2 })]
    const puts = await Promise.all([1, 2, 3, 4, 5].map(() => mine.put(newSoldCall())))
    expect(puts.filter(Boolean)).toHaveLength(2)
    expect(await another.put(newSoldCall())).toBe(true)
    for (const call of await allOf(another)) await another.remove(call)
    // SQS may not know yet of the last ones.
    pass(30_000)
    expect(await mine.put(newSoldCall())).toBe(false)
    pass(31_000)
    expect(await mine.put(newSoldCall())).toBe(true)
    for (const outbox of [mine, another]) await outbox.close()
  })

  test('counts what all have put, whether it is visible or not', async () => {
    const queue = world.newQueue()
    const [mine, another] = [queue.open({ mostCalls: 2 }), queue.open()]
    for (const _ of [1, 2]) await another.put(newSoldCall())
    for await (const _ of another.waiting()) break
    expect(await mine.isFull()).toBe(true)
    expect(await mine.put(newSoldCall())).toBe(false)
    for (const outbox of [mine, another]) await outbox.close()
  })

  test('passes over what is no call of ours, and leaves it to the dead letters', async () => {
    const queue = world.newQueue()
    const outbox = queue.open()
    for (const body of ['{}', '{"call":"{}","body":""}', 'hello']) {
      world.server.sendMessage(queue.name, body)
    }
    await outbox.put(newSoldCall())
    const [call, ...others] = await allOf(outbox)
    expect(others).toEqual([])
    if (call) await outbox.remove(call)
    for (const _ of [2, 3, 4]) {
      pass(301_000)
      expect(await allOf(outbox)).toEqual([])
    }
    expect(world.server.inspectQueue(queue.deadName)?.messages.ready).toHaveLength(3)
    await outbox.close()
  })

  test('says that the store is unavailable where there is no such queue', async () => {
    const outbox = world.openLost()
    await expect(outbox.put(newSoldCall())).rejects.toEqual(unavailable)
    await expect(outbox.isFull()).rejects.toEqual(unavailable)
    await expect(allOf(outbox)).rejects.toEqual(unavailable)
    await outbox.close()
  })
})

describe('a call whose message', () => {
  async function startQueue() {
    const taken: string[] = []
    const server = await startFaultyHttpServer(({ body, headers }) => {
      if (!String(headers['x-amz-target']).endsWith('SendMessage'))
        return { status: 200, body: '{}' }
      const { MessageBody } = JSON.parse(body)
      taken.push(MessageBody)
      const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex')
      return { status: 200, body: JSON.stringify({ MessageId: 'm', MD5OfMessageBody }) }
    })
    const outbox = createSqsSaleOutbox({
      region: 'us-east-1',
      credentials: () => ({ accessKeyId: 'test', secretAccessKey: 'test' }),
      endpoint: server.url,
      queueUrl: `${server.url}/0/q`,
    })
    // The number is known.
    await outbox.isFull()
    return { server, taken, outbox }
  }

  test('lands while its reply is lost is sent again, as the same call', async () => {
    const { server, taken, outbox } = await startQueue()
    server.plan({ kind: 'cut', landed: true })
    expect(await outbox.put(newSoldCall())).toBe(true)
    expect(taken).toHaveLength(2)
    expect(taken[0]).toBe(taken[1])
    await server.stop()
  })

  test('SQS does not confirm is not said to be kept', async () => {
    const { server, outbox } = await startQueue()
    server.always({ kind: 'answer', landed: true, answer: { status: 500, body: '{}' } })
    await expect(outbox.put(newSoldCall())).rejects.toEqual(unavailable)
    await server.stop()
  })

  test('gets no answer is given up on in a few seconds', { timeout: 20_000 }, async () => {
    const { server, outbox } = await startQueue()
    server.always({ kind: 'hang', landed: false })
    const before = performance.now()
    await expect(outbox.put(newSoldCall())).rejects.toEqual(unavailable)
    expect(performance.now() - before).toBeLessThan(15_000)
    await server.stop()
  })
})
