import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { writesText } from '#shared/generation/language-models.ts'
import { runsEveryModel } from './batch-grants.ts'
import { bundleHandler } from './bundle-handler.ts'
import { codecProgramFiles } from './codec-program-files.ts'
import { type FunctionFolder, heavyDoor, repositoryRoot } from './function-folder.ts'
import { modelFiles } from './model-files.ts'
import { onnxRuntimeFiles } from './onnx-runtime-files.ts'
import type { Architecture, PackageFiles } from './package-files.ts'
import { writeZip } from './write-zip.ts'

/** In bytes. The largest part is ONNX Runtime; a zip above this carries something it should not. */
const zipLimitBytes = 25_000_000

export interface FunctionPackage {
  readonly name: string
  /** `<name>-<architecture>.zip` */
  readonly file: string
  readonly zip: Buffer
  readonly unzippedBytes: number
  readonly startBytes: number
  readonly startPackages: readonly string[]
}

export interface PackageOptions {
  /** Default: the processor that the manifest names. */
  readonly architecture?: Architecture | undefined
  readonly modelsFolder?: string
}

/**
 * The zip of one function: its code and the descriptions of its model (of all models, where it
 * serves none, and of the heavy ones at their door), and where it runs models the runtime for one processor.
 *
 * @throws Error on a manifest or a binary that is not right, or a zip above 25 MB
 */
export async function packageFunction(
  { name, handlerFile, model }: FunctionFolder,
  options: PackageOptions = {},
): Promise<FunctionPackage> {
  const { modelsFolder = join(repositoryRoot, 'models') } = options
  const described = readModels(modelsFolder, { parse: parseManifest, only: model })
  const entries = described.filter(({ manifest }) => name !== heavyDoor || manifest.heavy)
  const manifest = model ? entries[0]?.manifest : undefined
  const { architecture = manifest?.function.architecture ?? 'arm64' } = options
  const bundle = await bundleHandler(handlerFile)
  const { files: code, sources, programs, startBytes, startPackages } = bundle
  const runsEvery = runsEveryModel.has(name)
  if (!manifest && !runsEvery && sources.includes('shared/endpoints/model-endpoint.ts')) {
    throw new Error(
      `functions/${name} serves a model, but models/${name}/manifest.json is missing.`,
    )
  }
  const runsModels = manifest !== undefined || runsEvery || programs.length > 0
  const files = {
    ...code,
    ...modelFiles(entries),
    ...ownDocuments(dirname(handlerFile)),
    'models/price-book.json': readFileSync(join(modelsFolder, 'price-book.json')),
    ...(runsModels && onnxRuntimeFiles(architecture)),
    // What writes text takes no images.
    ...(runsModels &&
      (await codecProgramFiles(entries.filter((entry) => !writesText(entry)).map(taskNameOf)))),
  }
  const zip = await writeZip(files)
  if (zip.length > zipLimitBytes) {
    throw new Error(`The zip of ${name} has ${zip.length} bytes; the limit is ${zipLimitBytes}.`)
  }
  const unzippedBytes = Object.values(files).reduce((sum, bytes) => sum + bytes.byteLength, 0)
  const file = `${name}-${architecture}.zip`
  return { name, file, zip, unzippedBytes, startBytes, startPackages }
}

const taskNameOf = ({ manifest }: ModelEntry) => manifest.task.name

/** JSON files beside a handler lie beside its bundle, too. */
function ownDocuments(folder: string): PackageFiles {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))]))
}
