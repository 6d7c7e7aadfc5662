import { createHash } from 'node:crypto'
import { type FauxqsServer, startFauxqs } from 'fauxqs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSqsQueue } from '#shared/batch/stores/sqs-queue.ts'
import { answer, startFaultyHttpServer } from '#test/servers/faulty-http-server.ts'
import { refusal } from '#test/support/refusal.ts'
import { bodies, describeQueue, messagesOf } from './queue-contract.ts'

const region = 'us-east-1'
const credentials = () => ({ accessKeyId: 'test', secretAccessKey: 'test' })
const visibilityMs = 30_000

describe('a queue of SQS', () => {
  let server: FauxqsServer
  let made = 0
  beforeAll(async () => {
    server = await startFauxqs({ port: 0, logger: false })
  })
  afterAll(() => server?.stop())
  // The server runs in this process: its time is ours.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  function open() {
    const name = `queue-${++made}`
    const dead = server.createQueue(`${name}-dead`)
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: 3 })
    const { queueUrl } = server.createQueue(name, { attributes: { RedrivePolicy } })
    const urls = { queueUrl, deadLetterUrl: dead.queueUrl }
    return createSqsQueue({ ...urls, region, credentials, endpoint: server.address })
  }

  describeQueue({ open, pass: (ms) => void vi.setSystemTime(Date.now() + ms) })

  test('says that the store is unavailable where there is no such queue', async () => {
    const queueUrl = `${server.address}/000000000000/absent`
    const urls = { queueUrl, deadLetterUrl: queueUrl }
    const queue = createSqsQueue({ ...urls, region, credentials, endpoint: server.address })
    const unavailable = refusal('store_unavailable')
    await expect(queue.send(messagesOf('a', 1))).rejects.toEqual(unavailable)
    await expect(queue.receive({ limit: 1, visibilityMs })).rejects.toEqual(unavailable)
    await expect(queue.deadCount()).rejects.toEqual(unavailable)
    await expect(queue.remove({ body: '', receipt: 'r', receives: 1 })).rejects.toEqual(unavailable)
    await queue.close()
  })
})

describe('a message that gets another chance', () => {
  test('keeps its tenant, and is removed only once it is sent', async () => {
    const dead = { MessageId: 'm', Body: 'body', ReceiptHandle: 'r' }
    const calls: unknown[] = []
    const server = await startFaultyHttpServer(({ body, headers }) => {
      const operation = String(headers['x-amz-target']).split('.')[1]
      calls.push([operation, JSON.parse(body)])
      const MD5OfBody = createHash('md5').update(dead.Body).digest('hex')
      const Messages = [{ ...dead, MD5OfBody, Attributes: { MessageGroupId: 'acme' } }]
      const Successful = [{ Id: '0', MessageId: 'n', MD5OfMessageBody: MD5OfBody }]
      const reply =
        operation === 'ReceiveMessage' ? (calls.length === 1 ? { Messages } : {}) : { Successful }
      return { status: 200, body: JSON.stringify(reply) }
    })
    const [queueUrl, deadLetterUrl] = [`${server.url}/0/q`, `${server.url}/0/dead`]
    const endpoint = server.url
    const queue = createSqsQueue({ queueUrl, deadLetterUrl, region, credentials, endpoint })
    expect(await queue.redrive()).toBe(1)
    expect(calls).toMatchObject([
      ['ReceiveMessage', { QueueUrl: deadLetterUrl }],
      [
        'SendMessageBatch',
        { QueueUrl: queueUrl, Entries: [{ MessageGroupId: 'acme', MessageBody: 'body' }] },
      ],
      ['DeleteMessageBatch', { QueueUrl: deadLetterUrl, Entries: [{ ReceiptHandle: 'r' }] }],
      ['ReceiveMessage', { QueueUrl: deadLetterUrl }],
    ])
    await server.stop()
  })
})

describe('a batch of messages', () => {
  /** Refuses the bodies that `refused` names, as often as it says. */
  async function startPickyServer(refused: Record<string, number>, SenderFault: boolean) {
    const taken: string[] = []
    const server = await startFaultyHttpServer(({ body }) => {
      const Failed: object[] = []
      const Successful: object[] = []
      for (const { Id, MessageBody } of JSON.parse(body).Entries) {
        const left = refused[MessageBody] ?? 0
        refused[MessageBody] = left - 1
        if (left > 0) Failed.push({ Id, SenderFault, Code: 'InternalError', Message: 'no' })
        else {
          taken.push(MessageBody)
          const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex')
          Successful.push({ Id, MessageId: Id, MD5OfMessageBody })
        }
      }
      return { status: 200, body: JSON.stringify({ Failed, Successful }) }
    })
    const url = `${server.url}/0/q`
    const urls = { queueUrl: url, deadLetterUrl: url, endpoint: server.url }
    return { server, taken, queue: createSqsQueue({ ...urls, region, credentials }) }
  }

  test('says the tenant of each message, which makes a standard queue a fair one', async () => {
    const { server, queue } = await startPickyServer({}, false)
    await queue.send([
      { body: 'a', group: 'acme' },
      { body: 'b', group: 'a tenant with an ünusual name' },
    ])
    const { Entries } = JSON.parse(server.received[0]?.body ?? '')
    expect(Entries).toMatchObject([
      { MessageGroupId: 'acme' },
      { MessageGroupId: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ])
    await server.stop()
  })

  test('of which SQS takes a part is completed by sending what is left, and nothing else', async () => {
    const { server, taken, queue } = await startPickyServer({ 'a 3': 2, 'a 11': 1 }, false)
    await queue.send(messagesOf('a', 12))
    expect(taken.toSorted()).toEqual(bodies(messagesOf('a', 12)))
    expect(server.received).toHaveLength(5)
    await server.stop()
  })

  test.each([
    ['goes on with it', 99, false, 5],
    ['says that it is our fault', 1, true, 1],
  ])('is an error where SQS refuses one and %s', async (_, times, senderFault, requests) => {
    const { server, queue } = await startPickyServer({ 'a 1': times }, senderFault)
    await expect(queue.send(messagesOf('a', 2))).rejects.toEqual(refusal('store_unavailable'))
    expect(server.received).toHaveLength(requests)
    await server.stop()
  })

  test('is sent again whole where SQS is throttled for a moment', async () => {
    const { server, taken, queue } = await startPickyServer({}, false)
    server.plan(answer(503, '{"__type":"ThrottlingException"}'))
    await queue.send(messagesOf('a', 2))
    expect(taken).toEqual(['a 0', 'a 1'])
    await server.stop()
  })
})
