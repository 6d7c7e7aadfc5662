import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** What the CloudFormation template would put into the account: read, not repeated, by the tests. */
export interface Deployment {
  readonly resources: Readonly<Record<string, Resource>>
  readonly functions: readonly DeployedFunction[]
  readonly routes: readonly DeployedRoute[]
}

interface Resource {
  readonly Type: string
  readonly Properties: ResourceProperties
}

interface Attribute {
  readonly 'Fn::GetAtt': readonly [logicalId: string, attribute: string]
}

/** What is read of resources; which members there are depends on the type. */
interface ResourceProperties {
  readonly Architectures: readonly string[]
  readonly BucketEncryption: object
  readonly Code: { readonly S3Key: string }
  readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> }
  readonly Dimensions: readonly { readonly Value: Attribute }[]
  readonly EventSourceArn: Attribute
  readonly Handler: string
  readonly IntegrationUri: Attribute
  readonly ManagedPolicyArns?: readonly string[]
  readonly MemorySize: number
  readonly MessageRetentionPeriod: number
  readonly Policies: readonly { readonly PolicyDocument: PolicyDocument }[]
  readonly PolicyDocument: PolicyDocument
  readonly PublicAccessBlockConfiguration: Readonly<Record<string, boolean>>
  readonly QueueName?: { readonly 'Fn::Sub': string }
  readonly RetentionInDays: number
  readonly Role: Attribute
  readonly RouteKey: string
  readonly Runtime: string
  readonly Target: { readonly 'Fn::Join': readonly [string, readonly [string, { Ref: string }]] }
  readonly Timeout: number
  readonly VersioningConfiguration: { readonly Status: string }
}

export interface PolicyStatement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly (string | object)[]
}

interface PolicyDocument {
  readonly Statement: readonly PolicyStatement[]
}

interface DeployedFunction {
  readonly logicalId: string
  /** The folder in `functions/`. */
  readonly name: string
  readonly zipFile: string
  readonly runtime: string
  readonly handler: string
  readonly memoryMB: number
  readonly timeoutMs: number
  readonly architecture: string
  /** Variables whose value is known before anything is deployed. */
  readonly environment: Readonly<Record<string, string>>
}

export interface DeployedRoute {
  /** `POST /v1/models/iris/predict`, `ANY /v2/models/iris/{proxy+}`, `$default`. */
  readonly key: string
  readonly functionName: string
}

const root = resolve(import.meta.dirname, '../..')

/** @param folder of the template; default: where `npm run package` wrote it last */
export function readDeployment(folder = resolve(root, '.serverless')): Deployment {
  const file = resolve(folder, 'cloudformation-template-update-stack.json')
  const { Resources: resources } = JSON.parse(readFileSync(file, 'utf8')) as {
    Resources: Record<string, Resource>
  }
  const zipped = all(resources, 'AWS::Lambda::Function').filter(
    ([, { Properties }]) => Properties.Code.S3Key !== undefined,
  )
  const functions = zipped.map(([logicalId, { Properties }]) => ({
    logicalId,
    name:
      /[^/]+-(?:arm64|x86_64)\.zip$/.exec(Properties.Code.S3Key)?.[0].replace(/-[^-]+$/, '') ?? '',
    zipFile: resolve(root, 'dist', Properties.Code.S3Key.split('/').at(-1) ?? ''),
    runtime: Properties.Runtime,
    handler: Properties.Handler,
    memoryMB: Properties.MemorySize,
    timeoutMs: Properties.Timeout * 1_000,
    architecture: Properties.Architectures[0] ?? '',
    environment: Object.fromEntries(
      Object.entries(Properties.Environment.Variables).flatMap(([name, value]) =>
        typeof value === 'string' ? [[name, value]] : [],
      ),
    ),
  }))
  const routes = all(resources, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => {
    const integration = resources[Properties.Target['Fn::Join'][1][1].Ref]
    const target = integration?.Properties.IntegrationUri['Fn::GetAtt'][0]
    const functionName = functions.find(({ logicalId }) => logicalId === target)?.name ?? ''
    return { key: Properties.RouteKey, functionName }
  })
  return { resources, functions, routes }
}

/** All resources of a type, with their logical ids. */
export const all = (resources: Deployment['resources'], type: string) =>
  Object.entries(resources).filter(([, resource]) => resource.Type === type)
