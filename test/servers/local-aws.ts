import { startFauxqs } from 'fauxqs'
import { createDynamodbKeyStore } from '#shared/access/dynamodb-key-store.ts'
import type { KeyStore } from '#shared/access/key-store.ts'
import type { ArtifactStore } from '#shared/artifacts/artifact-store.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { s3ArtifactStore } from '#shared/artifacts/s3-artifact-store.ts'
import { createDynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createS3AnswerStore } from '#shared/metering/s3-answer-store.ts'
import { createKeyTable } from '#test/access/key-table.ts'
import { createLedgerTable } from '#test/metering/dynamodb-ledger-table.ts'
import { createDeclaredQueues } from './declared-queues.ts'
import { createDeclaredTable, declaredResources } from './declared-table.ts'
import { startDynamoDbLocal } from './dynamodb-local.ts'
import { startRealS3Server } from './real-s3-server.ts'

/** What an account holds after a deployment. */
interface AwsStores {
  readonly artifacts: ArtifactStore
  readonly keyStore: KeyStore
  readonly ledger: Ledger
  readonly pepper: string
  readonly oldPepper: string
  /** What the deployment tells its functions. */
  readonly environment: Readonly<Record<string, string>>
}

export interface LocalAws {
  /** A table of keys and the published model files, apart from those of every other call. */
  deploy(options?: { unpublished?: string | undefined }): Promise<AwsStores>
  stop(): Promise<void>
}

const pepper = 'a pepper for tests, and for nothing else'
const oldPepper = 'the pepper that was replaced, for tests only'

/** Real servers for the stores that the functions use, S3 and DynamoDB, and one for SQS. */
export async function startLocalAws(): Promise<LocalAws> {
  const [s3, dynamodb, sqs] = await Promise.all([
    startRealS3Server(),
    startDynamoDbLocal(),
    startFauxqs({ port: 0, logger: false }),
  ])
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = s3
  const credentials = { accessKeyId, secretAccessKey }
  const client = createDynamodbClient({
    region,
    credentials: () => credentials,
    endpoint: dynamodb.endpoint,
    // The first call to a server that has just started takes long, and making a table twice fails.
    timeoutMs: 20_000,
    deadlineMs: 20_000,
  })
  let deployments = 0

  return {
    async deploy({ unpublished } = {}) {
      deployments += 1
      const [table, prefix] = [`keys-${deployments}`, `deployment-${deployments}`]
      await createKeyTable(client, table)
      const ledgerTable = `ledger-${deployments}`
      await createLedgerTable(client, ledgerTable)
      const jobTable = `jobs-${deployments}`
      await createDeclaredTable(client, jobTable, declaredResources('batch').JobTable)
      const callTable = `calls-${deployments}`
      await createDeclaredTable(client, callTable, declaredResources('jobs').CallTable)
      const queues = createDeclaredQueues(sqs, `${prefix}-`)
      const ledger = createDynamodbLedger({
        client,
        table: ledgerTable,
        answers: createS3AnswerStore({
          bucket,
          region,
          credentials: () => credentials,
          endpoint,
        }),
      })
      await ledger.putAccount({
        tenant: 'default',
        currency: 'USD',
        mode: 'postpaid',
        limits: {},
      })
      const artifacts = s3ArtifactStore({
        bucket,
        prefix: `${prefix}/`,
        region,
        credentials,
        endpoint,
      })
      for (const { manifest, folder } of readModels('models')) {
        const { name, artifact } = manifest
        if (name === unpublished || artifact.file === undefined) continue
        await publishArtifact(artifacts, artifact, { folder, file: artifact.file })
      }
      return {
        artifacts,
        keyStore: createDynamodbKeyStore({ client, table }),
        ledger,
        pepper,
        oldPepper,
        environment: {
          AWS_REGION: region,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
          AWS_ENDPOINT_URL_S3: endpoint,
          AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
          AWS_ENDPOINT_URL_SQS: sqs.address,
          PERCALL_ARTIFACTS: `s3://${bucket}/${prefix}`,
          PERCALL_KEYS: `dynamodb:${table}`,
          PERCALL_LEDGER: `dynamodb:${ledgerTable}`,
          PERCALL_ANSWERS: `s3://${bucket}`,
          PERCALL_BATCH: `s3://${bucket}`,
          PERCALL_JOBS: `dynamodb:${jobTable}`,
          PERCALL_CALLS: `dynamodb:${callTable}`,
          PERCALL_QUEUES: `sqs:${queues}`,
          PERCALL_KEY_PEPPER: pepper,
          PERCALL_KEY_PEPPER_OLD: oldPepper,
        },
      }
    },
    async stop() {
      await Promise.all([s3.stop(), dynamodb.stop(), sqs.stop()])
    },
  }
}
