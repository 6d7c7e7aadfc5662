import { expect, test } from 'vitest'
import type { Delivery, Message, Queue } from '#shared/batch/queue.ts'

export interface QueueOnTrial {
  /** An empty queue of its own, which gives up after three deliveries. */
  open(): Queue | Promise<Queue>
  /** Lets time go by. */
  pass(ms: number): void
}

const visibilityMs = 30_000

export const messagesOf = (group: string, count: number): Message[] =>
  Array.from({ length: count }, (_, index) => ({ body: `${group} ${index}`, group }))

export const bodies = (deliveries: readonly Pick<Delivery, 'body'>[]) =>
  deliveries.map(({ body }) => body).sort()

/** All that can be had now. */
export async function drain(queue: Queue): Promise<Delivery[]> {
  const all: Delivery[] = []
  for (;;) {
    const some = await queue.receive({ limit: 10, visibilityMs })
    if (some.length === 0) return all
    all.push(...some)
  }
}

/** What every queue promises, whatever is behind it. */
export function describeQueue({ open, pass }: QueueOnTrial): void {
  const receive = (queue: Queue, limit = 10) => queue.receive({ limit, visibilityMs })

  async function receiveOne(queue: Queue): Promise<Delivery> {
    const [delivery] = await receive(queue, 1)
    if (!delivery) throw new Error('There was no message.')
    return delivery
  }

  test('delivers what was sent, to the last character, the first time as number 1', async () => {
    const queue = await open()
    const body = JSON.stringify({ text: 'ünïcödé € "quoted" \\ <&> \n', long: 'x'.repeat(50_000) })
    await queue.send([{ body, group: 'tenant' }])
    expect(await receive(queue)).toEqual([{ body, receives: 1, receipt: expect.any(String) }])
  })

  test('has nothing where nothing was sent', async () => {
    const queue = await open()
    await queue.send([])
    expect(await receive(queue)).toEqual([])
    expect(await queue.deadCount()).toBe(0)
    expect(await queue.redrive()).toBe(0)
  })

  test('delivers each of many messages once while they are hidden, to many at a time', async () => {
    const queue = await open()
    const sent = [...messagesOf('one', 57), ...messagesOf('other', 36)]
    await queue.send(sent)
    const taken = await Promise.all(Array.from({ length: 4 }, () => drain(queue)))
    expect(bodies(taken.flat())).toEqual(sent.map(({ body }) => body).sort())
  })

  test('delivers at most as many as are asked for', async () => {
    const queue = await open()
    await queue.send(messagesOf('tenant', 9))
    expect((await receive(queue, 1)).length).toBe(1)
    expect((await receive(queue, 3)).length).toBeLessThanOrEqual(3)
    expect((await receive(queue, 25)).length).toBeLessThanOrEqual(10)
  })

  test('hides what it has delivered, and delivers it again when the time is over', async () => {
    const queue = await open()
    await queue.send(messagesOf('tenant', 1))
    const first = await receiveOne(queue)
    pass(visibilityMs - 2_000)
    expect(await receive(queue)).toEqual([])
    pass(3_000)
    const second = await receiveOne(queue)
    expect([second.body, second.receives]).toEqual([first.body, 2])
    expect(second.receipt).not.toBe(first.receipt)
  })

  test('never delivers what was removed', async () => {
    const queue = await open()
    await queue.send(messagesOf('tenant', 1))
    await queue.remove(await receiveOne(queue))
    pass(2 * visibilityMs)
    expect(await receive(queue)).toEqual([])
  })

  test('does not mind what is removed or hidden twice, or too late', async () => {
    const queue = await open()
    await queue.send(messagesOf('tenant', 1))
    const late = await receiveOne(queue)
    pass(visibilityMs + 1_000)
    const second = await receiveOne(queue)
    await queue.hide(late, 5_000)
    await queue.remove(second)
    await queue.remove(second)
    await queue.remove(late)
    await queue.hide(second, 5_000)
    await queue.hide(late, 0)
    pass(2 * visibilityMs)
    expect(await receive(queue)).toEqual([])
  })

  test('hides a message for longer when asked to, counted from then on', async () => {
    const queue = await open()
    await queue.send(messagesOf('tenant', 1))
    const delivery = await receiveOne(queue)
    pass(visibilityMs - 5_000)
    await queue.hide(delivery, 60_000)
    pass(55_000)
    expect(await receive(queue)).toEqual([])
    pass(6_000)
    expect((await receiveOne(queue)).receives).toBe(2)
  })

  test('gives a message back at once', async () => {
    const queue = await open()
    await queue.send(messagesOf('tenant', 1))
    await queue.hide(await receiveOne(queue), 0)
    expect((await receiveOne(queue)).receives).toBe(2)
  })

  test('delivers a message not before its delay is over', async () => {
    const queue = await open()
    await queue.send([{ body: 'later', group: 'tenant', delayMs: 20_000 }, ...messagesOf('now', 1)])
    expect(bodies(await drain(queue))).toEqual(['now 0'])
    pass(18_000)
    expect(await receive(queue)).toEqual([])
    pass(3_000)
    expect(bodies(await drain(queue))).toEqual(['later'])
  })

  test('waits for a message that is sent meanwhile', async () => {
    const queue = await open()
    const waiting = queue.receive({ limit: 1, visibilityMs, waitMs: 10_000 })
    await queue.send(messagesOf('tenant', 1))
    expect(bodies(await waiting)).toEqual(['tenant 0'])
  })

  test('gives up on a message after as many deliveries as it may have, and on redrive begins anew', async () => {
    const queue = await open()
    await queue.send(messagesOf('tenant', 12))
    for (const receives of [1, 2, 3]) {
      const taken = await drain(queue)
      expect(taken.map((delivery) => delivery.receives)).toEqual(Array(12).fill(receives))
      expect(await queue.deadCount()).toBe(0)
      pass(visibilityMs + 1_000)
    }
    expect(await drain(queue)).toEqual([])
    expect(await queue.deadCount()).toBe(12)
    expect(await queue.redrive()).toBe(12)
    expect(await queue.deadCount()).toBe(0)
    const again = await drain(queue)
    expect(bodies(again)).toEqual(bodies(messagesOf('tenant', 12)))
    expect(again.map(({ receives }) => receives)).toEqual(Array(12).fill(1))
    for (const delivery of again) await queue.remove(delivery)
    pass(visibilityMs + 1_000)
    expect(await drain(queue)).toEqual([])
    expect(await queue.deadCount()).toBe(0)
  })

  test('does not give up on a message that is removed after with the last delivery it may have', async () => {
    const queue = await open()
    await queue.send(messagesOf('tenant', 1))
    for (const _ of [1, 2]) await queue.hide(await receiveOne(queue), 0)
    await queue.remove(await receiveOne(queue))
    pass(visibilityMs + 1_000)
    expect(await receive(queue)).toEqual([])
    expect(await queue.deadCount()).toBe(0)
  })
}
