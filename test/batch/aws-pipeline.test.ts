import { afterAll, beforeAll, describe, vi } from 'vitest'
import { type AwsServers, startAwsServers } from '#test/servers/aws-servers.ts'
import { whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { openLocalBatch } from './local-batch.ts'
import { describePipeline } from './pipeline-contract.ts'

// A lost reply may cost a lease of half a minute, and three servers share the machine with the work.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

const missing = whyNoDynamoDbLocal()

describe.skipIf(missing)(`batches on SQS, S3 and DynamoDB ${missing ?? ''}`, () => {
  let aws: AwsServers
  beforeAll(async () => {
    aws = await startAwsServers()
  })
  afterAll(() => aws?.stop())

  describePipeline(async (options) => {
    const { environment: variables } = await aws.deploy()
    return openLocalBatch({ ...options, variables })
  })
})
