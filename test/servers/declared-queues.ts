import type { FauxqsServer } from 'fauxqs'
import { declaredResources } from './declared-table.ts'

const resources = { ...declaredResources('batch'), ...declaredResources('jobs') }

/** Queues by the ends of their names. */
const queues = {
  plan: 'PlanQueue',
  score: 'ScoreQueue',
  publish: 'PublishQueue',
  calls: 'CallsQueue',
  'heavy-calls': 'HeavyCallsQueue',
  webhooks: 'WebhooksQueue',
} as const

/**
 * The queues of batches and jobs, as `resources.yml` declares them.
 *
 * @param prefix of their names: of a stack
 * @returns what stands before the stage in their URLs
 */
export function createDeclaredQueues(server: FauxqsServer, prefix: string): string {
  const prefixes = Object.entries(queues).map(([end, resource]) => {
    const name = `${prefix}${end}`
    const { RedrivePolicy, VisibilityTimeout } = Object(resources[resource]?.Properties)
    const deadLetterTargetArn = server.createQueue(`${name}-dead`).queueArn
    const { queueUrl } = server.createQueue(name, {
      attributes: {
        VisibilityTimeout: String(VisibilityTimeout),
        RedrivePolicy: JSON.stringify({ ...RedrivePolicy, deadLetterTargetArn }),
      },
    })
    return queueUrl.slice(0, -end.length)
  })
  return prefixes[0] ?? ''
}
