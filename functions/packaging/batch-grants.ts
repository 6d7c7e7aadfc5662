import {
  allow,
  answerReads,
  arn,
  type Grant,
  keyLookUp,
  rateGrants,
  sellingGrants,
  tableWrites,
  under,
} from './grants.ts'

/** Inputs are read as the version that was ordered. */
const reads = [
  allow(['s3:GetObject', 's3:GetObjectVersion'], [under('BatchBucket', '*')]),
  // Without it a missing object answers 403.
  allow(['s3:ListBucket'], [arn('BatchBucket')]),
]
const listing = allow(['s3:ListBucketVersions'], [arn('BatchBucket')])

/** A large object is written in parts, of which nothing stays where it fails. */
const writes = (...folders: string[]) =>
  allow(
    ['s3:PutObject', 's3:AbortMultipartUpload'],
    folders.map((folder) => under('BatchBucket', `${folder}/*`)),
  )

const removes = (...folders: string[]) =>
  allow(
    ['s3:DeleteObject'],
    folders.map((folder) => under('BatchBucket', `${folder}/*`)),
  )

/** What one run does not finish the next one goes on with, from what it remembers of it. */
const goesOn = (folder: string) => [
  allow(['s3:ListMultipartUploadParts'], [under('BatchBucket', `${folder}/*`)]),
  removes('jobs/*/progress'),
]

const jobs = allow(tableWrites, [arn('JobTable')])
const jobLists = allow(['dynamodb:Query'], [under('JobTable', 'index/*')])

export const sends = (...queues: string[]) => allow(['sqs:SendMessage'], queues.map(arn))

/** Lambda takes messages out of a queue as the function; the function itself hides them. */
export const works = (queue: string) =>
  allow(
    [
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:ChangeMessageVisibility',
    ],
    [arn(queue)],
  )

/** Of the functions that have to do with batches, beside the model files. */
export const batchGrants: Readonly<Record<string, readonly Grant[]>> = {
  batch: [
    keyLookUp,
    ...rateGrants,
    jobs,
    jobLists,
    ...reads,
    listing,
    writes('uploads', 'files', 'expiring'),
    removes('uploads', 'files', 'expiring', 'outgoing'),
    sends('PlanQueue', 'ScoreQueue', 'PublishQueue'),
  ],
  'batch-plan': [
    jobs,
    jobLists,
    ...reads,
    listing,
    // A refusal lies beside the outputs.
    writes('jobs', 'outgoing'),
    ...goesOn('jobs'),
    // Files that have expired, uploads that were never finished.
    removes('uploads', 'files', 'expiring', 'outgoing'),
    works('PlanQueue'),
    sends('PlanQueue', 'ScoreQueue', 'PublishQueue'),
  ],
  'batch-score': [
    // A revoked key begins nothing.
    keyLookUp,
    jobs,
    ...reads,
    writes('jobs'),
    works('ScoreQueue'),
    sends('PublishQueue'),
    ...sellingGrants,
  ],
  'batch-publish': [
    jobs,
    ...reads,
    writes('outgoing', 'files', 'expiring', 'jobs'),
    ...goesOn('outgoing'),
    works('PublishQueue'),
    // Chunks that run are waited for, and what is left goes on, a message after the other.
    sends('PublishQueue'),
    // Chunks of a stopped job that were sold, or that nobody works on any more.
    allow(tableWrites, [arn('LedgerTable')]),
    ...answerReads,
  ],
}

/** The functions that run every model there is. */
export const runsEveryModel: ReadonlySet<string> = new Set(['batch-score', 'jobs-run'])
