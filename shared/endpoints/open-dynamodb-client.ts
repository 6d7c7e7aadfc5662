import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import type { Environment } from '#shared/config/environment.ts'
import { awsPlace } from './aws-settings.ts'

/** The client of every DynamoDB driver, loaded where there is one. */
export async function openDynamodbClient(environment: Environment): Promise<DynamodbClient> {
  const { createDynamodbClient } = await import('#shared/aws/dynamodb-client.ts')
  return createDynamodbClient({
    ...awsPlace(environment),
    endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB,
  })
}
