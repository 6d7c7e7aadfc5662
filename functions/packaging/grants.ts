/** A statement of a policy: may do this to that, and nothing is ever denied. */
export interface Grant {
  readonly Effect: 'Allow'
  readonly Action: readonly string[]
  readonly Resource: readonly (object | string)[]
}

export const allow = (
  Action: readonly string[],
  Resource: readonly (object | string)[],
): Grant => ({
  Effect: 'Allow',
  Action,
  Resource,
})

export const arn = (resource: string) => ({ 'Fn::GetAtt': [resource, 'Arn'] })
export const under = (resource: string, path: string) => ({
  'Fn::Sub': `\${${resource}.Arn}/${path}`,
})

/** Every function that is called from outside looks up the caller's key. */
export const keyLookUp = allow(['dynamodb:GetItem'], [arn('KeyTable')])

/** A transaction needs the permissions of the operations in it. */
export const tableWrites = [
  'dynamodb:GetItem',
  'dynamodb:Query',
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
]

/** Callers have rates: those of the account, and buckets. */
export const rateGrants = [allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [arn('LedgerTable')])]

/** What was answered, where it is too large for the ledger. */
export const answerReads = [
  allow(['s3:GetObject'], [under('AnswerBucket', '*')]),
  // Without it a missing object answers 403.
  allow(['s3:ListBucket'], [arn('AnswerBucket')]),
]

/** To settle a call: a large answer lies in the bucket. */
export const answerWrites = [
  allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], [under('AnswerBucket', '*')]),
  allow(['s3:ListBucket'], [arn('AnswerBucket')]),
]

/** A call of a model is reserved and settled. */
export const sellingGrants = [allow(tableWrites, [arn('LedgerTable')]), ...answerWrites]
