import type { FauxqsServer } from 'fauxqs'
import { declaredResources } from './declared-table.ts'

const resources = declaredResources('batch')

/**
 * The queues of batches, as `resources.yml` declares them.
 *
 * @param prefix of their names: of a stack
 * @returns what stands before the stage in their URLs
 */
export function createDeclaredQueues(server: FauxqsServer, prefix: string): string {
  const prefixes = ['Plan', 'Score', 'Publish'].map((stage) => {
    const name = `${prefix}${stage.toLowerCase()}`
    const { RedrivePolicy, VisibilityTimeout } = Object(resources[`${stage}Queue`]?.Properties)
    const deadLetterTargetArn = server.createQueue(`${name}-dead`).queueArn
    const { queueUrl } = server.createQueue(name, {
      attributes: {
        VisibilityTimeout: String(VisibilityTimeout),
        RedrivePolicy: JSON.stringify({ ...RedrivePolicy, deadLetterTargetArn }),
      },
    })
    return queueUrl.slice(0, -stage.length)
  })
  return prefixes[0] ?? ''
}
