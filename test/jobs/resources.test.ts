import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { declaredResources } from '#test/servers/declared-table.ts'

const resources = declaredResources('jobs')
const propertiesOf = (name: string) => Object(resources[name]?.Properties)

describe.each([
  ['Calls', 'calls', 'jobs-run'],
  // Of an image: some minutes from nothing, and up to a quarter of an hour.
  ['HeavyCalls', 'heavy-calls', undefined],
  ['Webhooks', 'webhooks', 'jobs-notify'],
])('the queue of %s', (resource, name, owner) => {
  const queue = propertiesOf(`${resource}Queue`)

  test('gives up on a message after some deliveries, and tells somebody', () => {
    const target = { 'Fn::GetAtt': [`${resource}DeadLetters`, 'Arn'] }
    expect(queue.RedrivePolicy).toEqual({ deadLetterTargetArn: target, maxReceiveCount: 20 })
    const named = (end: string) => ({ 'Fn::Sub': `\${AWS::StackName}-${end}` })
    expect(queue.QueueName).toEqual(named(name))
    expect(propertiesOf(`${resource}DeadLetters`).QueueName).toEqual(named(`${name}-dead`))
    const Value = { 'Fn::GetAtt': [`${resource}DeadLetters`, 'QueueName'] }
    expect(propertiesOf(`${resource}DeadLettersAlarm`)).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value }],
      Threshold: 0,
    })
  })

  test('hides a message for six times as long as its function may run', () => {
    const file = new URL(`../../functions/${owner}/function.yml`, import.meta.url)
    const timeout = owner ? parse(readFileSync(file, 'utf8'))[owner].timeout : 900
    expect(timeout).toBeGreaterThan(0)
    expect(queue.VisibilityTimeout).toBeGreaterThanOrEqual(6 * timeout)
    expect(queue.VisibilityTimeout).toBeLessThanOrEqual(43_200)
  })

  test('is encrypted and keeps messages as long as it can', () => {
    for (const each of [queue, propertiesOf(`${resource}DeadLetters`)]) {
      expect(each).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 })
    }
  })
})

test('the table of calls outlives the stack and can be taken back to any moment', () => {
  expect(resources.CallTable).toMatchObject({
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
  })
  expect(propertiesOf('CallTable')).toMatchObject({
    DeletionProtectionEnabled: true,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    TimeToLiveSpecification: { AttributeName: 'purgeAt', Enabled: true },
    SSESpecification: { SSEEnabled: true },
  })
})
