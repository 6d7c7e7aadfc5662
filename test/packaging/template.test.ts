import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { elfMachine } from '#functions/packaging/elf-machine.ts'
import { listFunctionFolders, repositoryRoot } from '#functions/packaging/function-folder.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { accountOperations } from '#shared/protocols/account-operations.ts'
import { routes as serviceRoutes } from '#shared/protocols/routes.ts'
import {
  all,
  type Deployment,
  type PolicyStatement,
  readDeployment,
} from '#test/lambda/deployment.ts'
import { chooseRoute } from '#test/lambda/http-api.ts'
import { readZip } from '#test/lambda/read-zip.ts'

const models = readModels(join(repositoryRoot, 'models'), { parse: parseManifest })
const modelNames = models.map(({ manifest }) => manifest.name)

const on = (resource: string, ...actions: string[]) =>
  actions.map((action) => `${resource} ${action}`)
const table = (...operations: string[]) => operations.map((operation) => `dynamodb:${operation}`)
const ledger = table('GetItem', 'Query', 'PutItem', 'UpdateItem')

/** What each kind of function may do beside writing its log and reading its model's file. */
const expectedGrants: Readonly<Record<string, readonly string[]>> = {
  catalog: [
    ...on('KeyTable', ...table('GetItem')),
    ...on('LedgerTable', ...table('GetItem', 'UpdateItem')),
  ],
  model: [
    ...on('KeyTable', ...table('GetItem')),
    ...on('LedgerTable', ...ledger),
    ...on('AnswerBucket/*', 's3:GetObject', 's3:PutObject', 's3:DeleteObject'),
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

/** A statement as `resource action` words; what is not a resource of this template stays a riddle. */
function grantsOf({ Effect, Action, Resource }: PolicyStatement): string[] {
  expect(Effect).toBe('Allow')
  return [Resource].flat().flatMap((resource) => {
    const { 'Fn::GetAtt': attribute, 'Fn::Sub': path } = Object(resource)
    const text = typeof resource === 'string' ? resource : String(path)
    const name = attribute?.[0] ?? text.replace(/^\$\{(\w+)\.Arn\}/, '$1')
    return on(name, ...[Action].flat())
  })
}

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
    expect(names).toEqual(listFunctionFolders().map(({ name }) => name))
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
      expect(hasRuntime).toBe(modelNames.includes(name))
    }
  })

  it('gives a function the memory and time that its manifest names', () => {
    for (const { manifest } of models) {
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
        .filter(({ manifest }) => manifest.name === name)
        .map(({ manifest }) => `ArtifactBucket/${manifest.artifact.key} s3:GetObject`)
      const granted = role.Policies[0]?.PolicyDocument.Statement.flatMap(grantsOf) ?? []
      expect(granted.sort(), name).toEqual(
        [
          `${logGroup} logs:CreateLogStream`,
          `${logGroup} logs:PutLogEvents`,
          ...artifacts,
          ...(expectedGrants[artifacts.length > 0 ? 'model' : name] ?? []),
        ].sort(),
      )
      expect(role.ManagedPolicyArns).toBeUndefined()
    }
  })

  it('routes every call of the service to the function that answers it', () => {
    for (const { method, path, action } of serviceRoutes) {
      const ofModel = /^(predict|infer|model-metadata|model-ready)$/.test(action)
      const ofAccount = Object.hasOwn(accountOperations, action)
      for (const { manifest } of ofModel ? models : models.slice(0, 1)) {
        const { name, version, aliases } = manifest
        const labels = action === 'predict' ? ['', version, 'latest', ...aliases] : ['']
        for (const label of labels) {
          const concrete = path
            .replace('{model}', label === '' ? name : `${name}@${label}`)
            .replace('{version}', version)
            .replace(/\{(id|month)\}/, '2026-11')
          const chosen = chooseRoute(deployment.routes, { method, path: concrete })
          expect(chosen?.key, `${method} ${concrete}`).not.toBe('$default')
          expect(chosen?.functionName, `${method} ${concrete}`).toBe(
            ofModel ? name : ofAccount ? 'account' : 'catalog',
          )
        }
      }
    }
    const elsewhere = chooseRoute(deployment.routes, { method: 'GET', path: '/nowhere' })
    expect(elsewhere).toEqual({ key: '$default', functionName: 'catalog' })
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
    expect(rows.length).toBe(deployment.functions.length)
    for (const [, name, startBytes, packages] of rows) {
      expect(packages, name).not.toMatch(/@aws-sdk|jose|onnxruntime|jsquash|commander/)
      // Nobody waits for a model behind the account's calls.
      expect(Number(startBytes), name).toBeLessThan(name === 'account' ? 130_000 : 100_000)
    }
  })
})
