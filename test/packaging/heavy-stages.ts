import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from '#functions/packaging/function-folder.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { routes } from '#shared/protocols/routes.ts'
import { type Deployment, readDeployment } from '#test/lambda/deployment.ts'
import { chooseRoute } from '#test/lambda/http-api.ts'
import { readZip } from '#test/lambda/read-zip.ts'
import { expectedGrants, on } from './expected-grants.ts'
import { grantsOf } from './grants-of.ts'
import { packageStage } from './package-stage.ts'

const image = `123456789012.dkr.ecr.eu-central-1.amazonaws.com/percall@sha256:${'a'.repeat(64)}`

const heavyModels = readModels(join(repositoryRoot, 'models')).filter(
  ({ manifest }) => manifest.heavy,
)

type Resources = Readonly<Record<string, { Type: string; Properties: object }>>

/** The template of a stage, as a deployment with these parameters would send it. */
const readStage = (parameters: Readonly<Record<string, string>>): Deployment =>
  readDeployment(packageStage(parameters))

/** Every heavy model has one door, which puts its calls off; its card is the catalogue's. */
function expectDoor({ functions, routes: deployed, resources }: Deployment): void {
  const names = new Set<string>()
  for (const { name, version, aliases } of heavyModels.map(({ manifest }) => manifest)) {
    names.add(name)
    for (const { method, path, action } of routes.filter(({ path }) => path.includes('{model}'))) {
      const labels = action === 'predict' ? ['', version, 'latest', ...aliases] : ['']
      for (const label of labels) {
        const concrete = path
          .replace('{model}', label === '' ? name : `${name}@${label}`)
          .replace('{version}', version)
        const chosen = chooseRoute(deployed, { method, path: concrete })
        const owner = action === 'model' ? 'catalog' : 'heavy'
        expect(chosen?.functionName, `${method} ${concrete}`).toBe(owner)
      }
    }
  }
  const door = functions.find(({ name }) => name === 'heavy')
  const files = [...readZip(readFileSync(door?.zipFile ?? '')).keys()]
  expect(new Set(files.flatMap((path) => /^models\/([^/]+)\//.exec(path)?.[1] ?? []))).toEqual(
    names,
  )
  expect(files).not.toContain('libonnxruntime.so.1')
  expect(granted(resources.HeavyRole)).toEqual(
    [
      ...on('HeavyLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'),
      ...(expectedGrants.heavy ?? []),
    ].sort(),
  )
}

const granted = (role: { Properties: object } | undefined): string[] => {
  const { Policies } = Object(role?.Properties) as {
    Policies: { PolicyDocument: { Statement: Parameters<typeof grantsOf>[0][] } }[]
  }
  return Policies[0]?.PolicyDocument.Statement.flatMap(grantsOf).sort() ?? []
}
const withoutModels = (grants: string[]) =>
  grants.filter((grant) => !grant.startsWith('ArtifactBucket/'))

/** Where heavy models run, by a parameter of the stage. To be called where the zips are packaged. */
export function heavyStages(): void {
  describe('a stage with heavy models', () => {
    it('runs them on Lambda: by digest, on a GPU, from none, behind their queue', {
      timeout: 60_000,
    }, () => {
      const stage = readStage({
        heavy: 'lambda',
        gpuImage: image,
        heavyModel: 'text-detection',
        gpuMemoryGiB: '16',
        gpuSubnets: 'subnet-1,subnet-2',
        gpuSecurityGroup: 'sg-1',
      })
      expectDoor(stage)
      const resources: Resources = stage.resources
      expect(resources.GpuLambdaFunction?.Properties).toMatchObject({
        Code: { ImageUri: image },
        PackageType: 'Image',
        Architectures: ['x86_64'],
        AcceleratorConfig: {
          AcceleratorMemorySize: expect.toSatisfy((size) => Number(size) === 16),
        },
        CapacityProviderConfig: {
          LambdaManagedInstancesCapacityProviderConfig: {
            CapacityProviderArn: { 'Fn::GetAtt': ['GpuPool', 'Arn'] },
            PerExecutionEnvironmentMaxConcurrency: 8,
          },
        },
        FunctionScalingConfig: { MinExecutionEnvironments: 0 },
        PublishToLatestPublished: true,
        Environment: { Variables: { PERCALL_MODEL: 'text-detection' } },
      })
      expect(resources.GpuPool).toMatchObject({
        Type: 'AWS::Lambda::CapacityProvider',
        Properties: { VpcConfig: { SecurityGroupIds: ['sg-1'] } },
      })
      expect(resources.GpuEventSourceMappingSQSHeavyCallsQueue?.Properties).toMatchObject({
        EventSourceArn: { 'Fn::GetAtt': ['HeavyCallsQueue', 'Arn'] },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      })
      expect(resources.GpuLambdaFunctionUrl?.Properties).toMatchObject({
        InvokeMode: 'RESPONSE_STREAM',
      })
      expect(resources.HeavyCallsQueue?.Properties).toMatchObject({
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['HeavyCallsDeadLetters', 'Arn'] } },
      })
      for (const alarm of ['HeavyCallsAgeAlarm', 'HeavyCallsDeadLettersAlarm']) {
        expect(resources[alarm]?.Type).toBe('AWS::CloudWatch::Alarm')
      }
      expect(withoutModels(granted(resources.GpuRole))).toEqual(
        [
          ...on('GpuLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'),
          ...(expectedGrants.gpu ?? []),
        ].sort(),
      )
      expect(resources.HeavyEndpoint).toBeUndefined()
    })

    it('runs them on SageMaker: from none, as long as there is something in the queue', {
      timeout: 60_000,
    }, () => {
      const stage = readStage({ heavy: 'sagemaker', gpuImage: image })
      expectDoor(stage)
      const resources: Resources = stage.resources
      expect(resources.GpuLambdaFunction).toBeUndefined()
      expect(resources.HeavyModel?.Properties).toMatchObject({
        PrimaryContainer: {
          Image: image,
          Environment: { PERCALL_WORK: 'heavy', PERCALL_CALLS: { 'Fn::Sub': expect.any(String) } },
        },
      })
      expect(resources.HeavyEndpointConfig?.Properties).toHaveProperty('AsyncInferenceConfig')
      expect(resources.HeavyInstances?.Properties).toMatchObject({ MinCapacity: 0 })
      for (const [alarm, policy] of [
        ['HeavyWorkAlarm', 'HeavyScaleOut'],
        ['HeavyRestAlarm', 'HeavyScaleIn'],
      ] as const) {
        const { AlarmActions, Metrics } = Object(resources[alarm]?.Properties) as {
          AlarmActions: unknown
          Metrics: { Id: string; Expression?: string }[]
        }
        expect(AlarmActions).toEqual([{ Ref: policy }])
        const [{ Expression = '' } = {}, ...measured] = Metrics
        for (const { Id } of measured) expect(Expression).toContain(`FILL(${Id}, 0)`)
      }
      expect(granted(resources.GpuRole)).toEqual(
        expect.arrayContaining(on('HeavyCallsQueue', 'sqs:ReceiveMessage')),
      )
    })

    it('has none of it where there are none', { timeout: 60_000 }, () => {
      const names = Object.keys(readStage({}).resources)
      expect(names.filter((name) => /^Gpu|^Heavy(?!Calls)/.test(name))).toEqual([])
    })
  })
}
