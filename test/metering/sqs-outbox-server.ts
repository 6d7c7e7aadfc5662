import { startFauxqs } from 'fauxqs'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { createSqsSaleOutbox, type SqsSaleOutboxOptions } from '#shared/metering/sqs-sale-outbox.ts'

type Bounds = Pick<SqsSaleOutboxOptions, 'mostCalls' | 'mostOwnCalls'>

/** A server of SQS in this process, whose outboxes have queues of their own. */
export async function startSqsOutboxes() {
  const server = await startFauxqs({ port: 0, logger: false })
  const place = {
    region: 'us-east-1',
    credentials: () => ({ accessKeyId: 'test', secretAccessKey: 'test' }),
    endpoint: server.address,
  }
  let made = 0

  function newQueue() {
    const name = `sales-${++made}`
    const dead = server.createQueue(`${name}-dead`)
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: 3 })
    const { queueUrl } = server.createQueue(name, { attributes: { RedrivePolicy } })
    return {
      name,
      deadName: `${name}-dead`,
      /** The outbox of a process. */
      open: (bounds: Bounds = {}): SaleOutbox =>
        createSqsSaleOutbox({ ...place, queueUrl, ...bounds }),
    }
  }
  /** An outbox whose queue is not there. */
  const openLost = () =>
    createSqsSaleOutbox({ ...place, queueUrl: `${server.address}/000000000000/absent` })

  return { server, newQueue, openLost, stop: () => server.stop() }
}
