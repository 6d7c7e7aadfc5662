import { join } from 'node:path'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { type FunctionFolder, repositoryRoot } from './function-folder.ts'

/**
 * CloudFormation resources: one role a function, which may write to its own log, look up a key, and
 * read the model files that its manifests name. Nothing else.
 */
export function functionRoles(
  folders: readonly FunctionFolder[],
  modelsFolder = join(repositoryRoot, 'models'),
) {
  const roles = folders.map(({ name, model }) => {
    const entries = model ? readModels(modelsFolder, { parse: parseManifest, only: model }) : []
    const artifactKeys = entries.map(({ manifest }) => manifest.artifact.key)
    return [`${logicalName(name)}Role`, role(name, artifactKeys)] as const
  })
  return { Resources: Object.fromEntries(roles) }
}

const arn = (resource: string) => ({ 'Fn::GetAtt': [resource, 'Arn'] })
const under = (resource: string, path: string) => ({ 'Fn::Sub': `\${${resource}.Arn}/${path}` })

function allow(Action: string[], Resource: (object | string)[]) {
  return { Effect: 'Allow', Action, Resource }
}

/** Every function that is called from outside looks up the caller's key. */
const servingGrants = [allow(['dynamodb:GetItem'], [arn('KeyTable')])]

/** A transaction needs the permissions of the operations in it. */
const ledgerWrites = [
  'dynamodb:GetItem',
  'dynamodb:Query',
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
]

/** All of the ledger, its indexes too. */
const ledgerGrants = [
  allow(ledgerWrites, [arn('LedgerTable')]),
  allow(['dynamodb:Query'], [under('LedgerTable', 'index/*')]),
]

/** A call of a model is reserved and settled; a large answer lies in the bucket. */
const sellingGrants = [
  allow(ledgerWrites, [arn('LedgerTable')]),
  allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], [under('AnswerBucket', '*')]),
  // Without it a missing object answers 403.
  allow(['s3:ListBucket'], [arn('AnswerBucket')]),
]

/** The tables of functions that serve no model. */
const tableGrants: Readonly<Record<string, readonly object[]>> = {
  catalog: [
    ...servingGrants,
    // Its callers have rates, too: those of the account, and buckets.
    allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [arn('LedgerTable')]),
  ],
  account: [
    allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], [arn('KeyTable')]),
    allow(['dynamodb:Query'], [under('KeyTable', 'index/*')]),
    ...ledgerGrants,
    // A refund looks up its call, and with it the answer.
    allow(['s3:GetObject'], [under('AnswerBucket', '*')]),
    allow(['s3:ListBucket'], [arn('AnswerBucket')]),
  ],
  exporter: [
    allow(['dynamodb:GetItem', 'dynamodb:Query'], [arn('LedgerTable')]),
    allow(['dynamodb:Query'], [under('LedgerTable', 'index/*')]),
    allow(ledgerWrites, [arn('OutboxTable')]),
    allow(['dynamodb:Query'], [under('OutboxTable', 'index/*')]),
    // It has no resources that could be named.
    allow(['aws-marketplace:BatchMeterUsage'], ['*']),
  ],
  sweeper: [
    ...ledgerGrants,
    // For the limits of keys, whose use it tells of.
    allow(['dynamodb:Query'], [under('KeyTable', 'index/*')]),
  ],
}

/** A function's name as the serverless command writes it into the names of its resources. */
function logicalName(name: string): string {
  const letters = name.replaceAll('-', 'Dash')
  return letters.charAt(0).toUpperCase() + letters.slice(1)
}

function role(name: string, artifactKeys: readonly string[]) {
  const logGroup = { 'Fn::GetAtt': [`${logicalName(name)}LogGroup`, 'Arn'] }
  const statements = [
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup]),
    ...(tableGrants[name] ?? servingGrants),
  ]
  if (artifactKeys.length > 0) {
    statements.push(...sellingGrants)
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
            Principal: { Service: 'lambda.amazonaws.com' },
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
