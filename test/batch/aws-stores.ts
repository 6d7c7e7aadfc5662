import { startFauxqs } from 'fauxqs'
import { createDynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createKeyTable } from '#test/access/key-table.ts'
import { createLedgerTable } from '#test/metering/dynamodb-ledger-table.ts'
import { createDeclaredTable, declaredResources } from '#test/servers/declared-table.ts'
import { startDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { startRealS3Server } from '#test/servers/real-s3-server.ts'

export interface AwsStores {
  /** Tables and queues of its own, in one bucket: keys name their job. What names them to a process. */
  deploy(): Promise<Record<string, string>>
  stop(): Promise<void>
}

/** The stores of batches on AWS: a server of SQS, one of S3, and DynamoDB Local. */
export async function startAwsStores(): Promise<AwsStores> {
  const [sqs, s3, dynamodb] = await Promise.all([
    startFauxqs({ port: 0, logger: false }),
    startRealS3Server(),
    startDynamoDbLocal(),
  ])
  const client = createDynamodbClient({
    endpoint: dynamodb.endpoint,
    region: s3.region,
    credentials: () => s3,
    timeoutMs: 30_000,
    deadlineMs: 60_000,
  })
  let homes = 0

  return {
    async deploy() {
      homes += 1
      const [keys, ledger, jobs] = [`keys-${homes}`, `ledger-${homes}`, `jobs-${homes}`]
      await createKeyTable(client, keys)
      await createLedgerTable(client, ledger)
      await createDeclaredTable(client, jobs, declaredResources('batch').JobTable)
      let queueUrl = ''
      for (const stage of ['plan', 'score', 'publish']) {
        const dead = sqs.createQueue(`batch-${homes}-${stage}-dead`)
        const redrive = { deadLetterTargetArn: dead.queueArn, maxReceiveCount: 20 }
        const attributes = { RedrivePolicy: JSON.stringify(redrive) }
        queueUrl = sqs.createQueue(`batch-${homes}-${stage}`, { attributes }).queueUrl
      }
      return {
        AWS_REGION: s3.region,
        AWS_ACCESS_KEY_ID: s3.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
        AWS_ENDPOINT_URL_S3: s3.endpoint,
        AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
        AWS_ENDPOINT_URL_SQS: sqs.address,
        PERCALL_KEYS: `dynamodb:${keys}`,
        PERCALL_LEDGER: `dynamodb:${ledger}`,
        PERCALL_ANSWERS: `s3://${s3.bucket}`,
        PERCALL_BATCH: `s3://${s3.bucket}`,
        PERCALL_JOBS: `dynamodb:${jobs}`,
        PERCALL_QUEUES: `sqs:${queueUrl.replace(/publish$/, '')}`,
      }
    },
    async stop() {
      await Promise.all([sqs.stop(), s3.stop(), dynamodb.stop()])
    },
  }
}
