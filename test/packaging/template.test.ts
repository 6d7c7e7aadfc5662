import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { elfMachine } from '#functions/packaging/elf-machine.ts'
import {
  heavyDoor,
  listFunctionFolders,
  repositoryRoot,
} from '#functions/packaging/function-folder.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { writesText } from '#shared/generation/language-models.ts'
import { accountOperations } from '#shared/protocols/account-operations.ts'
import { batchOperations } from '#shared/protocols/batch-operations.ts'
import { generationOperations } from '#shared/protocols/generation-operations.ts'
import { jobOperations } from '#shared/protocols/job-operations.ts'
import { routes as serviceRoutes } from '#shared/protocols/routes.ts'
import { all, type Deployment, readDeployment } from '#test/lambda/deployment.ts'
import { chooseRoute } from '#test/lambda/http-api.ts'
import { readZip } from '#test/lambda/read-zip.ts'
import { expectedGrants } from './expected-grants.ts'
import { grantsOf } from './grants-of.ts'
import { heavyStages } from './heavy-stages.ts'
import { templateSchemas } from './template-schemas.ts'

const models = readModels(join(repositoryRoot, 'models'), { parse: parseManifest })
const modelNames = models.map(({ manifest }) => manifest.name)
const writers = new Set(models.filter(writesText).map(({ manifest }) => manifest.name))
const runsEvery = (name: string) => name === 'batch-score' || name === 'jobs-run'
const runsModels = (name: string) => runsEvery(name) || modelNames.includes(name)

/** What `npm run package` makes: the zips and the CloudFormation template. */
describe('the deployment', () => {
  let deployment: Deployment
  let output: string

  beforeAll(() => {
    // No account: neither variables nor a home folder with a profile.
    const kept = Object.entries(process.env).filter(([name]) => !/^(AWS_|HOME$)/.test(name))
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['functions/package.ts', '--architecture', 'arm64'],
      {
        cwd: repositoryRoot,
        encoding: 'utf8',
        env: Object.fromEntries(kept),
      },
    )
    output = `${stdout}${stderr}`
    expect(status, output).toBe(0)
    deployment = readDeployment()
  }, 180_000)

  const resourcesOf = (type: string) => all(deployment.resources, type)
  const propertiesOf = (logicalId: string) => {
    const resource = deployment.resources[logicalId]
    if (!resource) throw new Error(`The template has no ${logicalId}.`)
    return resource.Properties
  }

  it('is built without an account and without a warning', () => {
    expect(output).toContain('Service packaged')
    expect(output).not.toMatch(/warning|deprecat/i)
  })

  it('has every function folder as a function of Node 24 on arm64, with its zip', () => {
    const names = deployment.functions.map(({ name }) => name).sort()
    const folders = listFunctionFolders().map(({ name }) => name)
    expect(names).toEqual(folders.filter((name) => name !== heavyDoor))
    for (const { zipFile, runtime, architecture } of deployment.functions) {
      expect([runtime, architecture]).toEqual(['nodejs24.x', 'arm64'])
      expect(readFileSync(zipFile).length).toBeLessThan(25_000_000)
    }
  })

  it('puts into a zip the code, the descriptions of its models and nothing else', () => {
    for (const { name, zipFile } of deployment.functions) {
      const own = models.filter(
        ({ manifest }) => !modelNames.includes(name) || manifest.name === name,
      )
      const files = [...readZip(readFileSync(zipFile))]
      for (const [path, bytes] of files) {
        expect(path).toMatch(
          /^[\w.-]+\.mjs$|^onnxruntime_binding\.node$|^libonnxruntime\.so\.1$|^exports\.json$|^models\/price-book\.json$|^models\/[^/]+\/[^/]+\.json$|^node_modules\/@jsquash\/.+\.wasm$/,
        )
        expect(elfMachine(bytes) ?? 183, path).toBe(183)
      }
      const folders = new Set(files.flatMap(([path]) => /^models\/([^/]+)\//.exec(path)?.[1] ?? []))
      expect(folders).toEqual(new Set(own.map(({ manifest }) => manifest.name)))
      const hasRuntime = files.some(([path]) => path === 'libonnxruntime.so.1')
      expect(hasRuntime).toBe(runsModels(name))
      const hasProgram = files.some(([path]) => path === 'score-process.mjs')
      expect(hasProgram).toBe(name === 'batch-score')
    }
  })

  it('gives a function the memory and time that its manifest names', () => {
    // Heavy ones have none of their own: the image runs them.
    for (const { manifest } of models.filter(({ manifest }) => !manifest.heavy)) {
      const found = deployment.functions.find(({ name }) => name === manifest.name)
      expect(found?.memoryMB).toBe(manifest.function.memoryMB)
      expect(found?.timeoutMs).toBe(manifest.function.timeoutSeconds * 1_000)
    }
  })

  it('tells ONNX Runtime of every function to report nothing to anyone', () => {
    for (const { environment } of deployment.functions) {
      expect(environment.ORT_DISABLE_TELEMETRY).toBe('1')
    }
  })

  it('has the pepper of keys from a secret, and none before it until one is set', () => {
    for (const { logicalId } of deployment.functions) {
      const { Variables } = propertiesOf(logicalId).Environment
      expect(Variables.PERCALL_KEY_PEPPER).toEqual({
        'Fn::Sub': expect.stringMatching(/^\{\{resolve:secretsmanager:\$\{KeyPepper\}\}\}$/),
      })
      expect(Variables.PERCALL_KEY_PEPPER_OLD).toBe('')
    }
  })

  it('gives each function a role of its own', () => {
    const roles = deployment.functions.map(
      ({ logicalId }) => propertiesOf(logicalId).Role['Fn::GetAtt'][0],
    )
    expect(new Set(roles).size).toBe(roles.length)
    expect(
      resourcesOf('AWS::IAM::Role')
        .map(([id]) => id)
        .sort(),
    ).toEqual(roles.sort())
  })

  it('lets a role do what its function does and no more', () => {
    for (const { name, logicalId } of deployment.functions) {
      const role = propertiesOf(propertiesOf(logicalId).Role['Fn::GetAtt'][0])
      const logGroup = logicalId.replace('LambdaFunction', 'LogGroup')
      const artifacts = models
        .filter(({ manifest }) => runsEvery(name) || manifest.name === name)
        .map(({ manifest }) => `ArtifactBucket/${manifest.artifact.key} s3:GetObject`)
      const granted = role.Policies[0]?.PolicyDocument.Statement.flatMap(grantsOf) ?? []
      expect(granted.sort(), name).toEqual(
        [
          `${logGroup} logs:CreateLogStream`,
          `${logGroup} logs:PutLogEvents`,
          ...artifacts,
          ...(expectedGrants[modelNames.includes(name) ? 'model' : name] ?? []),
        ].sort(),
      )
      expect(role.ManagedPolicyArns).toBeUndefined()
    }
  })

  it('routes every call of the service to the function that answers it', () => {
    for (const { method, path, action } of serviceRoutes) {
      const ofModel = /^(predict|infer|model-metadata|model-ready)$/.test(action)
      const [owner = 'catalog'] = [
        ...(Object.hasOwn(accountOperations, action) ? ['account'] : []),
        ...(Object.hasOwn(batchOperations, action) ? ['batch'] : []),
        ...(Object.hasOwn(jobOperations, action) ? ['jobs'] : []),
      ]
      for (const { manifest } of ofModel ? models : models.slice(0, 1)) {
        const { name, version, aliases } = manifest
        const labels = action === 'predict' ? ['', version, 'latest', ...aliases] : ['']
        for (const label of labels) {
          const concrete = path
            .replace('{model}', label === '' ? name : `${name}@${label}`)
            .replace('{version}', version)
            .replace(/\{(id|month)\}/, '2026-11')
          const chosen = chooseRoute(deployment.routes, { method, path: concrete })
          // Models that write, and the image of heavy ones, have addresses of their own.
          const isElsewhere =
            Object.hasOwn(generationOperations, action) ||
            (ofModel && (writers.has(name) || manifest.heavy))
          expect(chosen?.key === '$default', `${method} ${concrete}`).toBe(isElsewhere)
          const expected = ofModel && !isElsewhere ? name : owner
          expect(chosen?.functionName, `${method} ${concrete}`).toBe(expected)
        }
      }
    }
    const elsewhere = chooseRoute(deployment.routes, { method: 'GET', path: '/nowhere' })
    expect(elsewhere).toEqual({ key: '$default', functionName: 'catalog' })
  })

  it.each([
    ['PlanQueue', 'BatchDashplan'],
    ['ScoreQueue', 'BatchDashscore'],
    ['PublishQueue', 'BatchDashpublish'],
    ['CallsQueue', 'JobsDashrun'],
    ['WebhooksQueue', 'JobsDashnotify'],
  ])(
    'hands the messages of %s to their function one by one, and takes single ones back',
    (queue, owner) => {
      const [found, ...others] = resourcesOf('AWS::Lambda::EventSourceMapping').filter(
        ([, { Properties }]) => Properties.EventSourceArn['Fn::GetAtt'][0] === queue,
      )
      expect(others).toEqual([])
      expect(found?.[1].Properties).toMatchObject({
        BatchSize: 1,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        FunctionName: { 'Fn::GetAtt': [`${owner}LambdaFunction`, 'Arn'] },
        ScalingConfig: { MaximumConcurrency: expect.any(Number) },
      })
    },
  )

  it('names its queues as its functions look for them', () => {
    const [{ logicalId } = { logicalId: '' }] = deployment.functions
    const { PERCALL_QUEUES } = propertiesOf(logicalId).Environment.Variables
    expect(PERCALL_QUEUES).toEqual({
      'Fn::Sub': `sqs:https://sqs.\${AWS::Region}.\${AWS::URLSuffix}/\${AWS::AccountId}/\${AWS::StackName}-`,
    })
    const names = resourcesOf('AWS::SQS::Queue').map(
      ([, { Properties }]) => Properties.QueueName?.['Fn::Sub'],
    )
    const work = ['plan', 'score', 'publish', 'calls', 'heavy-calls', 'webhooks']
    const stages = work.flatMap((stage) => [stage, `${stage}-dead`])
    expect(names).toEqual(
      expect.arrayContaining(stages.map((stage) => `\${AWS::StackName}-${stage}`)),
    )
  })

  it('keeps what was sold but not booked as long as SQS can, and tells when it waits', () => {
    const [{ logicalId } = { logicalId: '' }] = deployment.functions
    const { PERCALL_SALE_OUTBOX } = propertiesOf(logicalId).Environment.Variables
    expect(PERCALL_SALE_OUTBOX).toEqual({ 'Fn::Sub': `sqs:\${SaleQueue}` })
    const fourteenDays = 14 * 86_400
    const dead = { 'Fn::GetAtt': ['SaleDeadLetters', 'Arn'] }
    expect(propertiesOf('SaleQueue')).toMatchObject({
      MessageRetentionPeriod: fourteenDays,
      RedrivePolicy: { deadLetterTargetArn: dead, maxReceiveCount: 1_000 },
    })
    expect(propertiesOf('SaleDeadLetters').MessageRetentionPeriod).toBe(fourteenDays)
    const watched = resourcesOf('AWS::CloudWatch::Alarm').flatMap(([, { Properties }]) =>
      Properties.Dimensions.map(({ Value }) => Value['Fn::GetAtt'][0]),
    )
    expect(watched).toEqual(expect.arrayContaining(['SaleQueue', 'SaleDeadLetters']))
  })

  it('gives each model that writes an address of its own, whose answers stream', () => {
    const urls = resourcesOf('AWS::Lambda::Url').map(([, { Properties }]) => Properties)
    expect(urls).toEqual(
      [...writers].map((name) => ({
        AuthType: 'NONE',
        InvokeMode: 'RESPONSE_STREAM',
        TargetFunctionArn: { 'Fn::GetAtt': [expect.stringMatching(new RegExp(name, 'i')), 'Arn'] },
      })),
    )
  })

  it('keeps logs for a limited time', () => {
    const groups = resourcesOf('AWS::Logs::LogGroup')
    expect(groups.length).toBe(deployment.functions.length)
    for (const [, { Properties }] of groups) expect(Properties.RetentionInDays).toBeGreaterThan(0)
  })

  it('keeps model files private, encrypted and versioned, and refuses plain HTTP', () => {
    const bucket = propertiesOf('ArtifactBucket')
    expect(Object.values(bucket.PublicAccessBlockConfiguration)).toEqual(Array(4).fill(true))
    expect(bucket.VersioningConfiguration.Status).toBe('Enabled')
    expect(bucket.BucketEncryption).toBeDefined()
    const [statement] = propertiesOf('ArtifactBucketPolicy').PolicyDocument.Statement
    expect(statement).toMatchObject({
      Effect: 'Deny',
      Action: 's3:*',
      Condition: { Bool: { 'aws:SecureTransport': false } },
    })
  })

  it('starts each function without the AWS SDK, the token library or a whole schema library', () => {
    const row = /'([\w-]+)-arm64\.zip'[^\n]*│\s+(\d+)\s+│ '([^']*)'/g
    const rows = [...output.matchAll(row)]
    expect(rows.length).toBe(listFunctionFolders().length)
    for (const [, name, startBytes, packages] of rows) {
      expect(packages, name).not.toMatch(/@aws-sdk|jose|onnxruntime|jsquash|commander/)
      // Nobody waits for a model behind the calls of the account, of batches and of jobs.
      const limit = /^(account|batch|jobs|jobs-run)$/.test(name ?? '') ? 130_000 : 100_000
      // Beside the file of a model that writes, 50 kB of JavaScript are nothing.
      expect(Number(startBytes), name).toBeLessThan(writers.has(name ?? '') ? 155_000 : limit)
    }
  })

  heavyStages()
  templateSchemas()
})
