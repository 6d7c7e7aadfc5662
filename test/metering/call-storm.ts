import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '#test/simulator/random.ts'

export interface StormCaller {
  readonly tenant: string
  readonly key: string
}

export interface StormOptions {
  readonly url: string
  readonly callers: readonly StormCaller[]
  readonly calls: number
  readonly concurrency: number
  readonly random: Random
  /** How many tries are cut off by their caller. */
  readonly share: number
}

/** What became of one call, in all its tries. */
export interface StormCall {
  readonly caller: StormCaller
  readonly idempotencyKey: string
  readonly body: string
  /** The status of each try; 0 where the caller hung up. */
  readonly statuses: number[]
  /** What came with 200, each time. */
  readonly answers: string[]
}

export const stormPath = '/v1/models/iris/predict'
/** A call that is not answered by then never will be. */
const mostTries = 400

/**
 * Many calls at once, each with an idempotency key of its own and tried until it is answered. Some
 * hang up in the middle and try again, some never do, and some are mistakes.
 */
export async function callStorm(options: StormOptions) {
  const { url, callers, calls, concurrency, random, share } = options
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const made: StormCall[] = []

  /** @returns `[status, body]`; the status is 0 where the caller hung up, or was hung up on */
  const send = ({ caller, idempotencyKey, body }: StormCall, hangUpAfterMs?: number) =>
    new Promise<[number, string]>((resolve) => {
      const headers = {
        authorization: `Bearer ${caller.key}`,
        'content-type': 'application/json',
        'content-length': body.length,
        'idempotency-key': idempotencyKey,
      }
      const outgoing = request(`${url}${stormPath}`, { method: 'POST', agent, headers })
      outgoing.once('error', () => resolve([0, '']))
      outgoing.once('response', (response) => readText(response).then(resolve))
      outgoing.end(body)
      if (hangUpAfterMs !== undefined) setTimeout(() => outgoing.destroy(), hangUpAfterMs)
    })

  async function call(number: number): Promise<void> {
    const caller = callers[number % callers.length]
    if (!caller) throw new Error('There is nobody who calls.')
    const isMistake = number % 50 === 7
    const row = isMistake ? [1, 2] : [random.next() * 8, 3, 4, 1]
    const made_: StormCall = {
      caller,
      idempotencyKey: `call-${number}`,
      body: JSON.stringify({ inputs: [row] }),
      statuses: [],
      answers: [],
    }
    made.push(made_)
    const givesUp = random.chance(share / 4)
    for (let tries = 0; tries < mostTries; tries += 1) {
      const hangsUp = givesUp || random.chance(share)
      const [status, text] = await send(made_, hangsUp ? random.integer(0, 12) : undefined)
      made_.statuses.push(status)
      if (status === 200) made_.answers.push(text)
      if (givesUp || status === 200 || status === 422) return
      await sleep(random.integer(10, 60))
    }
  }

  let next = 0
  const work = async () => {
    while (next < calls) await call(next++)
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return { calls: made, send, end: () => agent.destroy() }
}

async function readText(response: IncomingMessage): Promise<[number, string]> {
  try {
    let text = ''
    for await (const part of response.setEncoding('utf8')) text += part
    return [response.statusCode ?? 0, text]
  } catch {
    return [0, '']
  }
}
