import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { places } from '#shared/batch/places.ts'
import { declaredResources } from '#test/servers/declared-table.ts'
import { triggerBreaches } from './trigger-breaches.ts'

const resources = declaredResources('batch')
const propertiesOf = (name: string) => Object(resources[name]?.Properties)
const of = (type: string) =>
  Object.entries(resources).filter(([, resource]) => resource.Type === type)

/** A key of every place that the service writes to. */
const writtenKeys = Object.entries(places)
  .filter(([name]) => name !== 'incoming')
  .map(([, place]) =>
    typeof place === 'function' ? Reflect.apply(place, undefined, ['a', 'b', 'c', 'd']) : place,
  )

const notifying = (...prefixes: (string | undefined)[]) => ({
  NotificationConfiguration: {
    QueueConfigurations: prefixes.map((Value) => ({
      Filter: { S3Key: { Rules: Value === undefined ? [] : [{ Name: 'prefix', Value }] } },
    })),
  },
})

describe('the triggers of the bucket', () => {
  test('lie apart from each other and from all that the service writes', () => {
    expect(writtenKeys.length).toBeGreaterThan(3)
    expect(triggerBreaches(propertiesOf('BatchBucket'), writtenKeys)).toEqual([])
    const [rule] = propertiesOf('BatchBucket').NotificationConfiguration.QueueConfigurations
    expect(rule.Filter.S3Key.Rules).toEqual([{ Name: 'prefix', Value: places.incoming }])
  })

  test.each([
    [
      'an output under a trigger',
      notifying('outgoing/'),
      ['"outgoing/b/c/" lies under the trigger "outgoing/"'],
    ],
    [
      'a part under a trigger',
      notifying('in/', 'outgoing/b/'),
      ['"outgoing/b/c/" lies under the trigger "outgoing/b/"'],
    ],
    ['rules that overlap', notifying('in/', 'in/acme/'), ['"in/" and "in/acme/" overlap']],
    ['the same rule twice', notifying('in/', 'in/'), ['"in/" and "in/" overlap']],
    ['a prefix that is no folder', notifying('in'), ['"in" is no folder']],
    [
      'a rule for the whole bucket',
      notifying(undefined),
      ['"" is no folder', '"outgoing/b/c/" lies under the trigger ""'],
    ],
    ['no trigger at all', {}, []],
  ])('are refused where there is %s', (_, bucket, breaches) => {
    expect(triggerBreaches(bucket, ['outgoing/b/c/'])).toEqual(breaches)
  })

  test('may send to the queue before there is a bucket', () => {
    expect(resources.BatchBucket?.DependsOn).toBe('BatchQueuePolicy')
    const [statement] = propertiesOf('BatchQueuePolicy').PolicyDocument.Statement
    expect(statement).toMatchObject({
      Principal: { Service: 's3.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: { 'Fn::GetAtt': ['PlanQueue', 'Arn'] },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    })
  })
})

describe('the bucket', () => {
  test('is private, encrypted and versioned, and refuses plain HTTP', () => {
    const bucket = propertiesOf('BatchBucket')
    expect(Object.values(bucket.PublicAccessBlockConfiguration)).toEqual(Array(4).fill(true))
    expect(bucket.VersioningConfiguration.Status).toBe('Enabled')
    expect(bucket.BucketEncryption).toBeDefined()
    const [statement] = propertiesOf('BatchBucketPolicy').PolicyDocument.Statement
    expect(statement).toMatchObject({
      Effect: 'Deny',
      Condition: { Bool: { 'aws:SecureTransport': false } },
    })
  })

  test('forgets parts and what uploads left over, and neither inputs nor outputs', () => {
    const { Rules } = propertiesOf('BatchBucket').LifecycleConfiguration
    const expiring = Rules.filter((rule: object) => 'ExpirationInDays' in rule)
    expect(expiring.map(({ Prefix }: { Prefix: string }) => Prefix)).toEqual(['jobs/', 'calls/'])
    const abort = { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }
    expect(Rules).toContainEqual(expect.objectContaining(abort))
  })
})

describe.each(['Plan', 'Score', 'Publish'])('the queue of the stage %s', (stage) => {
  const queue = propertiesOf(`${stage}Queue`)

  test('gives up on a message after some deliveries, and tells somebody', () => {
    const target = { 'Fn::GetAtt': [`${stage}DeadLetters`, 'Arn'] }
    expect(queue.RedrivePolicy).toEqual({ deadLetterTargetArn: target, maxReceiveCount: 20 })
    const suffix = stage.toLowerCase()
    const named = (name: string) => ({ 'Fn::Sub': `\${AWS::StackName}-${name}` })
    expect(queue.QueueName).toEqual(named(suffix))
    expect(propertiesOf(`${stage}DeadLetters`).QueueName).toEqual(named(`${suffix}-dead`))
    const alarm = propertiesOf(`${stage}DeadLettersAlarm`)
    const Value = { 'Fn::GetAtt': [`${stage}DeadLetters`, 'QueueName'] }
    expect(alarm).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value }],
      Threshold: 0,
    })
  })

  test('hides a message for six times as long as its function may run', () => {
    const name = `batch-${stage.toLowerCase()}`
    const file = new URL(`../../functions/${name}/function.yml`, import.meta.url)
    const timeout = existsSync(file) ? parse(readFileSync(file, 'utf8'))[name].timeout : 300
    expect(timeout).toBeGreaterThan(0)
    expect(queue.VisibilityTimeout).toBeGreaterThanOrEqual(6 * timeout)
    expect(queue.VisibilityTimeout).toBeLessThanOrEqual(43_200)
  })
})

test('all queues are encrypted and keep messages as long as they can', () => {
  expect(of('AWS::SQS::Queue')).toHaveLength(6)
  for (const [, { Properties }] of of('AWS::SQS::Queue')) {
    expect(Properties).toMatchObject({
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 1_209_600,
    })
  }
})

test('the table of jobs outlives the stack and can be taken back to any moment', () => {
  expect(resources.JobTable).toMatchObject({
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
  })
  expect(propertiesOf('JobTable')).toMatchObject({
    DeletionProtectionEnabled: true,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    TimeToLiveSpecification: { AttributeName: 'purgeAt', Enabled: true },
    SSESpecification: { SSEEnabled: true },
  })
})
