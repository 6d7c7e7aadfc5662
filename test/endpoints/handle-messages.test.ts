import { readFileSync } from 'node:fs'
import type { SQSEvent, SQSRecord } from 'aws-lambda'
import { expect, test } from 'vitest'
import type { Handled } from '#shared/batch/batch-services.ts'
import { handleMessages } from '#shared/endpoints/handle-messages.ts'
import { createLogger } from '#shared/observability/logger.ts'

const { Records }: SQSEvent = JSON.parse(
  readFileSync(new URL('./sqs-event.json', import.meta.url), 'utf8'),
)
const [documented] = Records as [SQSRecord]
const recordOf = (name: string): SQSRecord => ({
  ...documented,
  messageId: name,
  receiptHandle: `receipt of ${name}`,
  body: name,
})

/** What was answered, what was hidden for how long, and what was logged. */
async function deliver(
  records: SQSRecord[],
  handle: (body: string, receives: number) => Promise<Handled>,
) {
  const hidden: [receipt: string, ms: number][] = []
  const lines: string[] = []
  const logger = createLogger({ write: (line) => lines.push(line) })
  const queue = {
    hide: async ({ receipt }: { receipt: string }, ms: number) => void hidden.push([receipt, ms]),
  }
  const answer = await handleMessages({ Records: records }, { queue, handle, logger })
  const failed = answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
  return { failed, hidden, lines }
}

test('hands over the body, and how often it was delivered', async () => {
  const seen: unknown[] = []
  await deliver([documented], async (...message) => {
    seen.push(message)
    return 'done'
  })
  expect(seen).toEqual([['{"job":"job_0123456789abcdef0123456789abcdef","chunk":7}', 3]])
})

test('gives back those that must come again, after as long as they are to wait, and no others', async () => {
  const { failed, hidden } = await deliver(['a', 'b', 'c'].map(recordOf), async (body) =>
    body === 'b' ? { againAfterMs: 7_000 } : 'done',
  )
  expect(failed).toEqual(['b'])
  expect(hidden.at(-1)).toEqual(['receipt of b', 7_000])
})

test('shortens the hours for which the queue hides a message, before it begins', async () => {
  const { hidden } = await deliver([recordOf('a')], async () => 'done')
  expect(hidden).toEqual([['receipt of a', 30_000]])
})

test('gives back and tells of what failed, and goes on with the others', async () => {
  const { failed, hidden, lines } = await deliver(['a', 'b'].map(recordOf), async (body) => {
    if (body === 'a') throw new Error('out of order')
    return 'done'
  })
  expect(failed).toEqual(['a'])
  expect(hidden).toContainEqual(['receipt of a', 1_000])
  expect(lines.join()).toContain('out of order')
})
