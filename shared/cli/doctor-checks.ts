import { accessSync, constants, mkdirSync, readdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import type { Environment } from '#shared/config/environment.ts'
import { modelsDirectory } from '#shared/endpoints/local-services.ts'
import { openArtifactStore } from '#shared/endpoints/open-artifact-store.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { warmRuntime } from '#shared/runtime/onnx-session.ts'
import { checkModel } from './check-model.ts'
import { failureOf } from './report-failure.ts'
import { withKeys } from './with-keys.ts'

export interface Check {
  readonly name: string
  /** What was found to be well. Throws what is not. */
  run(): string | Promise<string>
}

export interface CheckResult {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** How to mend it, where it is not well. */
  readonly fix?: string
}

const oldestNode = 24

/** Everything that percall needs on this machine, in the order in which the one needs the other. */
export function doctorChecks(environment: Environment): Check[] {
  const directory = modelsDirectory(environment)
  return [
    { name: 'node', run: checkNode },
    {
      name: 'cpu',
      run: () => `${cpuName()}; ${cpuShare()} CPUs, ${threadCount(cpuShare())} threads`,
    },
    { name: 'onnx runtime', run: () => warmRuntime().then(() => 'loads and runs', runtimeMissing) },
    { name: 'data folder', run: () => checkHome(environment) },
    { name: 'key store', run: () => checkKeys(environment) },
    { name: 'artifact store', run: () => checkStore(environment) },
    ...modelNames(directory).map((name) => ({
      name: `model ${name}`,
      async run() {
        const entries = readModels(directory, { parse: parseManifest, only: name })
        const found = []
        for (const entry of entries) found.push(await checkModel(entry, environment))
        return found.join('; ')
      },
    })),
  ]
}

/** Never throws: what goes wrong is the finding. */
export async function runCheck({ name, run }: Check): Promise<CheckResult> {
  try {
    return { name, ok: true, detail: await run() }
  } catch (thrown) {
    const { title, detail, fix } = failureOf(thrown)
    return { name, ok: false, detail: detail ?? title, fix }
  }
}

/** The model of the CPU, which decides which kernels compute an answer. */
const cpuName = (): string => cpus()[0]?.model.trim() || process.arch

function checkNode(): string {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major >= oldestNode) return `${process.version} on ${process.platform} ${process.arch}`
  throw new ServiceError('configuration_invalid', {
    detail: `This is Node ${process.version}; percall needs ${oldestNode} or newer.`,
    fix: 'Start it with "npm run percall", which brings its own Node, or install a newer one.',
  })
}

function runtimeMissing(cause: unknown): never {
  throw new ServiceError('configuration_invalid', {
    detail: `onnxruntime-node cannot be loaded: ${(cause as Error).message}`,
    fix: 'Run "npm ci" again on this machine: its binaries are made for one platform.',
    cause,
  })
}

function checkHome({ PERCALL_HOME: home }: Environment): string {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK)
    return `${home} can be written`
  } catch (cause) {
    throw new ServiceError('configuration_invalid', {
      detail: `${home} cannot be written: ${(cause as Error).message}`,
      fix: 'Set PERCALL_HOME, or --home, to a folder of your own.',
      cause,
    })
  }
}

async function checkKeys(environment: Environment): Promise<string> {
  const keys = await withKeys(environment, (manager) => manager.list())
  return `opens, ${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`
}

async function checkStore(environment: Environment): Promise<string> {
  const store = await openArtifactStore(environment)
  // One file is answer enough; a bucket may hold thousands.
  for await (const { key } of store.list()) return `${store.location} answers, holds ${key}`
  return `${store.location} answers, is empty`
}

/** Each model once, whatever its versions. Folders that no manifest makes a model are left out. */
function modelNames(directory: string): string[] {
  const folders = readdirSync(directory, { withFileTypes: true }).filter((item) =>
    item.isDirectory(),
  )
  return [...new Set(folders.map(({ name }) => name.replace(/@.*/, '')))].sort()
}
