import { sends, works } from './batch-grants.ts'
import { allow, arn, type Grant, keyLookUp, rateGrants, sellingGrants, under } from './grants.ts'

const calls = allow(['dynamodb:GetItem', 'dynamodb:PutItem'], [arn('CallTable')])
const callLists = allow(['dynamodb:Query'], [under('CallTable', 'index/*')])

const bytes = (...actions: string[]) =>
  allow(
    actions.map((action) => `s3:${action}`),
    [under('BatchBucket', 'calls/*')],
  )

/** By version; without the list a missing object answers 403. */
const reads = [
  bytes('GetObject', 'GetObjectVersion'),
  allow(['s3:ListBucket'], [arn('BatchBucket')]),
]

/** A worker of a queue: it runs calls, and has their ends told. */
const working = (queue: string): readonly Grant[] => [
  // A revoked key runs nothing.
  keyLookUp,
  ...sellingGrants,
  calls,
  callLists,
  ...reads,
  bytes('PutObject', 'AbortMultipartUpload'),
  works(queue),
  sends('WebhooksQueue'),
]

/** Who puts a call off tells its place, and how long the last ones took. */
const puttingOff = (...queues: string[]): readonly Grant[] => [
  calls,
  callLists,
  bytes('PutObject', 'AbortMultipartUpload'),
  sends(...queues),
]

/** The function of a model puts off what its caller wants to be put off. */
export const deferringGrants = puttingOff('CallsQueue', 'HeavyCallsQueue')

/** Of the functions that have to do with calls that were put off, beside the model files. */
export const jobGrants: Readonly<Record<string, readonly Grant[]>> = {
  jobs: [
    keyLookUp,
    ...rateGrants,
    calls,
    callLists,
    ...reads,
    // The end of a job that is cancelled is told, too.
    sends('WebhooksQueue'),
  ],
  'jobs-run': working('CallsQueue'),
  // Nothing is run or sold at the door.
  heavy: [keyLookUp, ...rateGrants, ...puttingOff('HeavyCallsQueue')],
  // Calls may reach it directly, too, and be put off.
  gpu: [
    ...working('HeavyCallsQueue'),
    sends('CallsQueue', 'HeavyCallsQueue'),
    allow(['sqs:SendMessage', 'sqs:GetQueueAttributes'], [arn('SaleQueue')]),
  ],
  'jobs-notify': [
    calls,
    allow(['dynamodb:DeleteItem'], [arn('CallTable')]),
    callLists,
    allow(['s3:ListBucketVersions'], [arn('BatchBucket')]),
    bytes('DeleteObject'),
    works('WebhooksQueue'),
    sends('CallsQueue', 'HeavyCallsQueue', 'WebhooksQueue'),
  ],
}
