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

const jobs = allow(tableWrites, [arn('JobTable')])
const jobLists = allow(['dynamodb:Query'], [under('JobTable', 'index/*')])

const sends = (...queues: string[]) => allow(['sqs:SendMessage'], queues.map(arn))

/** Lambda takes messages out of a queue as the function; the function itself hides them. */
const works = (queue: string) =>
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
    writes('uploads', 'files'),
    allow(
      ['s3:DeleteObject'],
      ['uploads', 'files', 'outgoing'].map((folder) => under('BatchBucket', `${folder}/*`)),
    ),
    sends('PlanQueue', 'ScoreQueue', 'PublishQueue'),
  ],
  'batch-plan': [
    jobs,
    jobLists,
    ...reads,
    listing,
    writes('jobs'),
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
    writes('outgoing', 'files'),
    works('PublishQueue'),
    // Chunks that run are waited for, a message after the other.
    sends('PublishQueue'),
    // Chunks of a stopped job that were sold, or that nobody works on any more.
    allow(tableWrites, [arn('LedgerTable')]),
    ...answerReads,
  ],
}

/** The function that runs every model there is. */
export const runsEveryModel = 'batch-score'
