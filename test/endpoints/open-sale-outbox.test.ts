import { startFauxqs } from 'fauxqs'
import { expect, test } from 'vitest'
import { readEnvironment } from '#shared/config/environment.ts'
import { lazily } from '#shared/endpoints/lazily.ts'
import { lazySaleOutbox } from '#shared/endpoints/lazy-sale-outbox.ts'
import { openSaleOutbox } from '#shared/endpoints/open-sale-outbox.ts'
import { allOf, newSoldCall } from '#test/metering/sale-outbox-contract.ts'
import { refusal } from '#test/support/refusal.ts'

const settings = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
}

test('sales wait in the queue that is named', async () => {
  const server = await startFauxqs({ port: 0, logger: false })
  const { queueUrl } = server.createQueue('sales')
  const environment = readEnvironment({
    ...settings,
    PERCALL_SALE_OUTBOX: `sqs:${queueUrl}`,
    AWS_ENDPOINT_URL_SQS: server.address,
  })
  const mine = lazySaleOutbox(lazily(async () => openSaleOutbox(environment)))
  const sweepers = openSaleOutbox(environment)
  const call = newSoldCall()
  expect(await mine.put(call)).toBe(true)
  expect(await mine.isFull()).toBe(false)
  const [found] = await allOf(sweepers)
  expect(found?.requestKey).toBe(call.requestKey)
  if (found) await sweepers.remove(found)
  expect(server.inspectQueue('sales')?.messages).toMatchObject({ ready: [], inflight: [] })
  for (const outbox of [mine, sweepers]) await outbox.close()
  await server.stop()
})

test('a file is no queue', () => {
  const environment = readEnvironment({ ...settings, PERCALL_SALE_OUTBOX: 'sales.sqlite' })
  expect(() => openSaleOutbox(environment)).toThrow(refusal('configuration_invalid', 'sqs:'))
})
