import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDynamodbKeyStore } from '#shared/access/dynamodb-key-store.ts'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { s3ArtifactPublisher } from '#shared/artifacts/s3-artifact-publisher.ts'
import { createDynamodbClient } from '#shared/aws/dynamodb-client.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { createKeyTable } from '#test/access/key-table.ts'
import { startDynamoDbLocal } from './dynamodb-local.ts'
import { type RealS3Server, startRealS3Server } from './real-s3-server.ts'

export interface LocalAws {
  readonly s3: RealS3Server
  readonly keys: ReturnType<typeof createKeyManager>
  /** What a deployment tells its functions, for these servers. */
  readonly environment: Readonly<Record<string, string>>
  stop(): Promise<void>
}

const pepper = 'a pepper for tests, and for nothing else'
const table = 'keys'

/** What an account holds after a deployment: the bucket with the model files and the key table. */
export async function startLocalAws(models: readonly ModelEntry[]): Promise<LocalAws> {
  const [s3, dynamodb] = await Promise.all([startRealS3Server(), startDynamoDbLocal()])
  const stop = async () => {
    await Promise.all([s3.stop(), dynamodb.stop()])
  }
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
  try {
    await createKeyTable(client, table)
    const publisher = s3ArtifactPublisher({ bucket, region, credentials, endpoint })
    for (const { manifest, folder } of models) {
      const { key, file } = manifest.artifact
      if (file) await publisher.publish(key, readFileSync(join(folder, file)))
    }
  } catch (error) {
    await stop()
    throw error
  }

  return {
    s3,
    keys: createKeyManager({ keyStore: createDynamodbKeyStore({ client, table }), pepper }),
    environment: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
      PERCALL_ARTIFACTS: `s3://${bucket}`,
      PERCALL_KEYS: `dynamodb:${table}`,
      PERCALL_KEY_PEPPER: pepper,
    },
    stop,
  }
}
