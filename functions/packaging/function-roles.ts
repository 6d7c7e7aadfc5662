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

/** A function's name as the serverless command writes it into the names of its resources. */
function logicalName(name: string): string {
  const letters = name.replaceAll('-', 'Dash')
  return letters.charAt(0).toUpperCase() + letters.slice(1)
}

function role(name: string, artifactKeys: readonly string[]) {
  const logGroup = { 'Fn::GetAtt': [`${logicalName(name)}LogGroup`, 'Arn'] }
  const statements = [
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup]),
    allow(['dynamodb:GetItem'], [{ 'Fn::GetAtt': ['KeyTable', 'Arn'] }]),
  ]
  if (artifactKeys.length > 0) {
    const files = artifactKeys.map((key) => ({ 'Fn::Sub': `\${ArtifactBucket.Arn}/${key}` }))
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

const allow = (Action: string[], Resource: object[]) => ({ Effect: 'Allow', Action, Resource })
