import { startFauxqs } from 'fauxqs'
import { createDynamodbClient, type DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createKeyTable } from '#test/access/key-table.ts'
import { createLedgerTable } from '#test/metering/dynamodb-ledger-table.ts'
import { createDeclaredQueues } from './declared-queues.ts'
import { createDeclaredTable, declaredResources } from './declared-table.ts'
import { startDynamoDbLocal } from './dynamodb-local.ts'
import { type RealS3Server, startRealS3Server } from './real-s3-server.ts'

/** Tables and queues as the rooms declare them. Buckets are shared: keys name their job. */
interface Deployment {
  /** Apart from those of every other deployment, as all its names are. */
  readonly name: string
  readonly keyTable: string
  readonly ledgerTable: string
  /** What names them to a process. */
  readonly environment: Readonly<Record<string, string>>
}

export interface AwsServers {
  readonly s3: RealS3Server
  readonly client: DynamodbClient
  deploy(): Promise<Deployment>
  stop(): Promise<void>
}

/** What stands in for AWS: a real server of S3, DynamoDB Local, and a server of SQS. */
export async function startAwsServers(): Promise<AwsServers> {
  const [s3, dynamodb, sqs] = await Promise.all([
    startRealS3Server(),
    startDynamoDbLocal(),
    startFauxqs({ port: 0, logger: false }),
  ])
  const client = createDynamodbClient({
    region: s3.region,
    credentials: () => s3,
    endpoint: dynamodb.endpoint,
    // The first call to a server that has just started takes long, and making a table twice fails.
    timeoutMs: 30_000,
    deadlineMs: 30_000,
  })
  let deployments = 0

  return {
    s3,
    client,
    async deploy() {
      deployments += 1
      const name = `deployment-${deployments}`
      const tableOf = (what: string) => `${name}-${what}`
      const [keyTable, ledgerTable] = [tableOf('keys'), tableOf('ledger')]
      await createKeyTable(client, keyTable)
      await createLedgerTable(client, ledgerTable)
      await createDeclaredTable(client, tableOf('jobs'), declaredResources('batch').JobTable)
      await createDeclaredTable(client, tableOf('calls'), declaredResources('jobs').CallTable)
      const queues = createDeclaredQueues(sqs, `${name}-`)
      const environment = {
        AWS_REGION: s3.region,
        AWS_ACCESS_KEY_ID: s3.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
        AWS_ENDPOINT_URL_S3: s3.endpoint,
        AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
        AWS_ENDPOINT_URL_SQS: sqs.address,
        PERCALL_KEYS: `dynamodb:${keyTable}`,
        PERCALL_LEDGER: `dynamodb:${ledgerTable}`,
        PERCALL_ANSWERS: `s3://${s3.bucket}`,
        PERCALL_BATCH: `s3://${s3.bucket}`,
        PERCALL_JOBS: `dynamodb:${tableOf('jobs')}`,
        PERCALL_CALLS: `dynamodb:${tableOf('calls')}`,
        PERCALL_QUEUES: `sqs:${queues}`,
      }
      return { name, keyTable, ledgerTable, environment }
    },
    async stop() {
      await Promise.all([s3.stop(), dynamodb.stop(), sqs.stop()])
    },
  }
}
