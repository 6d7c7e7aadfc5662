import { createDynamodbKeyStore } from '#shared/access/dynamodb-key-store.ts'
import type { KeyStore } from '#shared/access/key-store.ts'
import type { ArtifactStore } from '#shared/artifacts/artifact-store.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { s3ArtifactStore } from '#shared/artifacts/s3-artifact-store.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { createDynamodbLedger } from '#shared/metering/dynamodb-ledger.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createS3AnswerStore } from '#shared/metering/s3-answer-store.ts'
import { startAwsServers } from './aws-servers.ts'

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
  const { s3, client, deploy, stop } = await startAwsServers()
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = s3
  const credentials = { accessKeyId, secretAccessKey }

  return {
    async deploy({ unpublished } = {}) {
      const { name: prefix, keyTable, ledgerTable, environment } = await deploy()
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
        keyStore: createDynamodbKeyStore({ client, table: keyTable }),
        ledger,
        pepper,
        oldPepper,
        environment: {
          ...environment,
          PERCALL_ARTIFACTS: `s3://${bucket}/${prefix}`,
          PERCALL_KEY_PEPPER: pepper,
          PERCALL_KEY_PEPPER_OLD: oldPepper,
        },
      }
    },
    stop,
  }
}
