import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type AwsServers, startAwsServers } from '#test/servers/aws-servers.ts'
import { whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { countOf, expectWhole, tellOf } from './expect-whole.ts'
import { irisRows } from './iris-rows.ts'
import { type ChaosReport, runChaos } from './run-chaos.ts'

// A modest part of the proof; `npm run prove` is the whole of it.
const runs = Number(process.env.PERCALL_BATCH_AWS_RUNS ?? 3)
const rows = Number(process.env.PERCALL_BATCH_AWS_ROWS ?? 500)

vi.setConfig({ hookTimeout: 120_000 })

const missing = whyNoDynamoDbLocal()

describe.skipIf(missing)(`chaos on SQS, S3 and DynamoDB ${missing ?? ''}`, () => {
  let aws: AwsServers
  beforeAll(async () => {
    aws = await startAwsServers()
  })
  afterAll(() => aws?.stop())

  test('gives the same bytes as one machine does, and charges the same', {
    timeout: 120_000 + runs * (180_000 + rows * 10),
  }, async () => {
    const input = irisRows(rows)
    const { outputs } = await runChaos(1, input)
    const reports: ChaosReport[] = []
    // The first seed has no deaths in it, the third has.
    for (let seed = 1; seed <= runs; seed += 1) {
      const { environment: variables } = await aws.deploy()
      const place = { variables, visibilityMs: 3_000 }
      const report = await runChaos(seed, input, place)
      expectWhole(report, { rows, outputs })
      reports.push(report)
    }
    tellOf(reports, rows, ' on SQS, S3 and DynamoDB')
    expect(countOf(reports, 'kills') + countOf(reports, 'scorersKilled')).toBeGreaterThan(0)
  })
})
