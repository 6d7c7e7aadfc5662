import { type FauxqsServer, startFauxqs } from 'fauxqs'
import { afterAll, beforeAll, describe, vi } from 'vitest'
import { createDynamodbClient, type DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createKeyTable } from '#test/access/key-table.ts'
import { createLedgerTable } from '#test/metering/dynamodb-ledger-table.ts'
import { createDeclaredTable, declaredResources } from '#test/servers/declared-table.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { type RealS3Server, startRealS3Server } from '#test/servers/real-s3-server.ts'
import { openLocalBatch } from './local-batch.ts'
import { describePipeline } from './pipeline-contract.ts'

// A lost reply may cost a lease of half a minute, and three servers share the machine with the work.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

const missing = whyNoDynamoDbLocal()

describe.skipIf(missing)(`batches on SQS, S3 and DynamoDB ${missing ?? ''}`, () => {
  let sqs: FauxqsServer
  let s3: RealS3Server
  let dynamodb: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient
  let homes = 0

  beforeAll(async () => {
    sqs = await startFauxqs({ port: 0, logger: false })
    s3 = await startRealS3Server()
    dynamodb = await startDynamoDbLocal()
    client = createDynamodbClient({
      endpoint: dynamodb.endpoint,
      region: s3.region,
      credentials: () => s3,
      timeoutMs: 30_000,
      deadlineMs: 60_000,
    })
  })
  afterAll(async () => {
    await Promise.all([sqs?.stop(), s3?.stop(), dynamodb?.stop()])
  })

  /** Tables and queues of its own, in one bucket: keys name their job. */
  async function deploy(): Promise<Record<string, string>> {
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
  }

  describePipeline(async (options) => openLocalBatch({ ...options, variables: await deploy() }))
})
