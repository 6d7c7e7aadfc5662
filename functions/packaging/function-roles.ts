import { join } from 'node:path'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { batchGrants, runsEveryModel } from './batch-grants.ts'
import { type FunctionFolder, heavyDoor, repositoryRoot } from './function-folder.ts'
import {
  allow,
  answerReads,
  answerWrites,
  arn,
  type Grant,
  keyLookUp,
  rateGrants,
  sellingGrants,
  tableWrites,
  under,
} from './grants.ts'
import { deferringGrants, jobGrants } from './job-grants.ts'

/**
 * CloudFormation resources: one role a function, which may write to its own log, look up a key, and
 * read the model files that its manifests name. Nothing else.
 */
export function functionRoles(
  folders: readonly FunctionFolder[],
  modelsFolder = join(repositoryRoot, 'models'),
) {
  const models = readModels(modelsFolder, { parse: parseManifest })
  const everywhere = folders.filter(({ name }) => name !== heavyDoor)
  const roles = everywhere.map(({ name, model }) => {
    const artifactKeys = models
      .filter(({ manifest }) => runsEveryModel.has(name) || manifest.name === model)
      .map(({ manifest }) => manifest.artifact.key)
    return [`${logicalName(name)}Role`, role(name, artifactKeys)] as const
  })
  return { Resources: Object.fromEntries(roles) }
}

/**
 * What only stages with heavy models have: the role of their door, and those of the image of `functions/gpu`,
 * which runs every model: as a function, and as a container of SageMaker, which writes into logs of its
 * own, loads the image itself and keeps what its endpoint answers.
 */
export function heavyRoles(modelsFolder = join(repositoryRoot, 'models')) {
  const models = readModels(modelsFolder, { parse: parseManifest })
  const artifactKeys = models.map(({ manifest }) => manifest.artifact.key)
  return {
    'heavy-role.json': role(heavyDoor, []),
    'gpu-role.json': role('gpu', artifactKeys),
    'gpu-sagemaker-role.json': role('gpu', artifactKeys, {
      service: 'sagemaker.amazonaws.com',
      own: [
        allow(
          ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
          [regional('logs', 'log-group:/aws/sagemaker/Endpoints/*')],
        ),
        allow(
          ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
          [regional('ecr', 'repository/*')],
        ),
        // They have no resources that could be named.
        allow(['ecr:GetAuthorizationToken', 'cloudwatch:PutMetricData'], ['*']),
        allow(['s3:PutObject', 's3:GetObject'], [under('BatchBucket', 'sagemaker/*')]),
      ],
    }),
  }
}

const regional = (service: string, path: string) => ({
  'Fn::Sub': `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${path}`,
})

/** All of the ledger, its indexes too. */
const ledgerGrants = [
  allow(tableWrites, [arn('LedgerTable')]),
  allow(['dynamodb:Query'], [under('LedgerTable', 'index/*')]),
]

/** The tables of functions that serve no model. */
const tableGrants: Readonly<Record<string, readonly Grant[]>> = {
  ...batchGrants,
  ...jobGrants,
  catalog: [keyLookUp, ...rateGrants],
  account: [
    allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], [arn('KeyTable')]),
    allow(['dynamodb:Query'], [under('KeyTable', 'index/*')]),
    ...ledgerGrants,
    // A refund looks up its call, and with it the answer.
    ...answerReads,
  ],
  exporter: [
    allow(['dynamodb:GetItem', 'dynamodb:Query'], [arn('LedgerTable')]),
    allow(['dynamodb:Query'], [under('LedgerTable', 'index/*')]),
    allow(tableWrites, [arn('OutboxTable')]),
    allow(['dynamodb:Query'], [under('OutboxTable', 'index/*')]),
    // It has no resources that could be named.
    allow(['aws-marketplace:BatchMeterUsage'], ['*']),
  ],
  sweeper: [
    ...ledgerGrants,
    // For the limits of keys, whose use it tells of.
    allow(['dynamodb:Query'], [under('KeyTable', 'index/*')]),
    // It books what was sold while the ledger did not answer.
    allow(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      [arn('SaleQueue')],
    ),
    ...answerWrites,
  ],
}

/** The function of a model. While the ledger does not answer, a sale may wait in the queue. */
const modelGrants = [
  keyLookUp,
  ...sellingGrants,
  allow(['sqs:SendMessage', 'sqs:GetQueueAttributes'], [arn('SaleQueue')]),
  ...deferringGrants,
]

/** A function's name as the serverless command writes it into the names of its resources. */
function logicalName(name: string): string {
  const letters = name.replaceAll('-', 'Dash')
  return letters.charAt(0).toUpperCase() + letters.slice(1)
}

interface RoleOptions {
  /** Who takes it on. */
  readonly service?: string
  /** What that needs for itself; a function writes into its log. */
  readonly own?: readonly Grant[]
}

const ownLog = (name: string): Grant =>
  allow(
    ['logs:CreateLogStream', 'logs:PutLogEvents'],
    [{ 'Fn::GetAtt': [`${logicalName(name)}LogGroup`, 'Arn'] }],
  )

function role(
  name: string,
  artifactKeys: readonly string[],
  { service = 'lambda.amazonaws.com', own = [ownLog(name)] }: RoleOptions = {},
) {
  const statements = [...own, ...(tableGrants[name] ?? modelGrants)]
  if (artifactKeys.length > 0) {
    const files = artifactKeys.map((key) => under('ArtifactBucket', key))
    statements.push(allow(['s3:GetObject'], files))
  }
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: service },
            Action: 'sts:AssumeRole',
          },
        ],
      },
      Policies: [
        {
          PolicyName: name,
          PolicyDocument: { Version: '2012-10-17', Statement: statements },
        },
      ],
    },
  }
}
