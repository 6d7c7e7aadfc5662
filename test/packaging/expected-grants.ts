/** What may be done to a resource, a word each. */
export const on = (resource: string, ...actions: string[]) =>
  actions.map((action) => `${resource} ${action}`)
const table = (...operations: string[]) => operations.map((operation) => `dynamodb:${operation}`)
const ledger = table('GetItem', 'Query', 'PutItem', 'UpdateItem')
const batchReads = [
  ...on('BatchBucket/*', 's3:GetObject', 's3:GetObjectVersion'),
  ...on('BatchBucket', 's3:ListBucket'),
]
const batchWrites = (folder: string) =>
  on(`BatchBucket/${folder}/*`, 's3:PutObject', 's3:AbortMultipartUpload')
const batchRemoves = (folder: string) => on(`BatchBucket/${folder}/*`, 's3:DeleteObject')
const goesOn = (folder: string) => [
  ...on(`BatchBucket/${folder}/*`, 's3:ListMultipartUploadParts'),
  ...batchRemoves('jobs/*/progress'),
]
const jobs = on('JobTable', ...ledger)
const jobLists = on('JobTable/index/*', ...table('Query'))
const sends = (queue: string) => on(queue, 'sqs:SendMessage')
const works = (queue: string) =>
  on(
    queue,
    'sqs:ReceiveMessage',
    'sqs:DeleteMessage',
    'sqs:GetQueueAttributes',
    'sqs:ChangeMessageVisibility',
  )

const calls = on('CallTable', ...table('GetItem', 'PutItem'))
const callLists = on('CallTable/index/*', ...table('Query'))
const callReads = [
  ...on('BatchBucket/calls/*', 's3:GetObject', 's3:GetObjectVersion'),
  ...on('BatchBucket', 's3:ListBucket'),
]

const answers = [
  ...on('AnswerBucket/*', 's3:GetObject', 's3:PutObject', 's3:DeleteObject'),
  ...on('AnswerBucket', 's3:ListBucket'),
]
const selling = [
  ...on('KeyTable', ...table('GetItem')),
  ...on('LedgerTable', ...ledger),
  ...answers,
]

/** What each kind of function may do beside writing its log and reading its model's file. */
export const expectedGrants: Readonly<Record<string, readonly string[]>> = {
  catalog: [
    ...on('KeyTable', ...table('GetItem')),
    ...on('LedgerTable', ...table('GetItem', 'UpdateItem')),
  ],
  model: [
    ...selling,
    ...on('SaleQueue', 'sqs:SendMessage', 'sqs:GetQueueAttributes'),
    // It puts off what its caller wants to be put off, and tells how long that has to wait.
    ...calls,
    ...callLists,
    ...batchWrites('calls'),
    ...['CallsQueue', 'HeavyCallsQueue'].flatMap(sends),
  ],
  jobs: [
    ...on('KeyTable', ...table('GetItem')),
    ...on('LedgerTable', ...table('GetItem', 'UpdateItem')),
    ...calls,
    ...callLists,
    ...callReads,
    ...sends('WebhooksQueue'),
  ],
  'jobs-run': [
    ...selling,
    ...calls,
    ...callLists,
    ...callReads,
    ...batchWrites('calls'),
    ...works('CallsQueue'),
    ...sends('WebhooksQueue'),
  ],
  // It neither runs nor sells.
  heavy: [
    ...on('KeyTable', ...table('GetItem')),
    ...on('LedgerTable', ...table('GetItem', 'UpdateItem')),
    ...calls,
    ...callLists,
    ...batchWrites('calls'),
    ...sends('HeavyCallsQueue'),
  ],
  // Of the image: it runs heavy jobs, and is called directly.
  gpu: [
    ...selling,
    ...on('SaleQueue', 'sqs:SendMessage', 'sqs:GetQueueAttributes'),
    ...calls,
    ...callLists,
    ...callReads,
    ...batchWrites('calls'),
    ...works('HeavyCallsQueue'),
    ...['CallsQueue', 'HeavyCallsQueue', 'WebhooksQueue'].flatMap(sends),
  ],
  // It calls strangers: neither a key, nor money, nor what was asked or answered.
  'jobs-notify': [
    ...calls,
    ...on('CallTable', ...table('DeleteItem')),
    ...callLists,
    ...on('BatchBucket', 's3:ListBucketVersions'),
    ...on('BatchBucket/calls/*', 's3:DeleteObject'),
    ...works('WebhooksQueue'),
    ...['CallsQueue', 'HeavyCallsQueue', 'WebhooksQueue'].flatMap(sends),
  ],
  batch: [
    ...on('KeyTable', ...table('GetItem')),
    ...on('LedgerTable', ...table('GetItem', 'UpdateItem')),
    ...jobs,
    ...jobLists,
    ...batchReads,
    ...on('BatchBucket', 's3:ListBucketVersions'),
    ...['uploads', 'files', 'expiring'].flatMap(batchWrites),
    ...['uploads', 'files', 'expiring', 'outgoing'].flatMap(batchRemoves),
    ...['PlanQueue', 'ScoreQueue', 'PublishQueue'].flatMap(sends),
  ],
  // Neither a key nor money: it only looks and cuts.
  'batch-plan': [
    ...jobs,
    ...jobLists,
    ...batchReads,
    ...on('BatchBucket', 's3:ListBucketVersions'),
    ...['jobs', 'outgoing'].flatMap(batchWrites),
    ...goesOn('jobs'),
    ...['uploads', 'files', 'expiring', 'outgoing'].flatMap(batchRemoves),
    ...works('PlanQueue'),
    ...['PlanQueue', 'ScoreQueue', 'PublishQueue'].flatMap(sends),
  ],
  'batch-score': [
    ...selling,
    ...jobs,
    ...batchReads,
    ...batchWrites('jobs'),
    ...works('ScoreQueue'),
    ...sends('PublishQueue'),
  ],
  'batch-publish': [
    ...jobs,
    ...batchReads,
    ...['outgoing', 'files', 'expiring', 'jobs'].flatMap(batchWrites),
    ...goesOn('outgoing'),
    ...works('PublishQueue'),
    ...sends('PublishQueue'),
    ...on('LedgerTable', ...ledger),
    ...on('AnswerBucket/*', 's3:GetObject'),
    ...on('AnswerBucket', 's3:ListBucket'),
  ],
  exporter: [
    ...on('LedgerTable', ...table('GetItem', 'Query')),
    ...on('LedgerTable/index/*', ...table('Query')),
    ...on('OutboxTable', ...ledger),
    ...on('OutboxTable/index/*', ...table('Query')),
    // AWS knows no resources for this one.
    ...on('*', 'aws-marketplace:BatchMeterUsage'),
  ],
  sweeper: [
    ...on('KeyTable/index/*', ...table('Query')),
    ...on('LedgerTable', ...ledger),
    ...on('LedgerTable/index/*', ...table('Query')),
    ...answers,
    ...on('SaleQueue', 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'),
  ],
  account: [
    ...on('KeyTable', ...table('GetItem', 'PutItem', 'UpdateItem')),
    ...on('KeyTable/index/*', ...table('Query')),
    ...on('LedgerTable', ...ledger),
    ...on('LedgerTable/index/*', ...table('Query')),
    ...on('AnswerBucket/*', 's3:GetObject'),
    ...on('AnswerBucket', 's3:ListBucket'),
  ],
}
