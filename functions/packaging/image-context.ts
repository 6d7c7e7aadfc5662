import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { repositoryRoot } from './function-folder.ts'
import { modelFiles } from './model-files.ts'
import { type Architecture, architectures } from './package-files.ts'
import { copyProductionPackages } from './production-packages.ts'
import { writeFiles } from './write-files.ts'

export interface ImageContextOptions {
  /** The folder to make; what lies there is removed. */
  readonly folder: string
  readonly architecture: Architecture
  /** Where the runtime client of Lambda lies, compiled. */
  readonly runtimeClient: string
}

/**
 * All that goes into the image, as the Containerfile copies it:
 *
 * - `node`: the very Node that tests run on
 * - `app/`: the sources (Node strips their types), the models with every default filled in, packages
 * - `cuda-none/`, `providers-none/`: nothing; `providerLibraries` makes folders for a version of CUDA
 */
export function makeImageContext({
  folder,
  architecture,
  runtimeClient,
}: ImageContextOptions): void {
  rmSync(folder, { recursive: true, force: true })
  const app = join(folder, 'app')
  mkdirSync(app, { recursive: true })
  for (const name of ['cuda-none', 'providers-none']) mkdirSync(join(folder, name))
  const copy = (from: string, to: string, filter = (_path: string) => true) =>
    cpSync(join(repositoryRoot, from), to, { recursive: true, dereference: true, filter })

  const { node } = architectures[architecture]
  copy(`node_modules/node-linux-${node}/bin/node`, join(folder, 'node'))
  copy('package.json', join(app, 'package.json'))
  copy('LICENSE', join(app, 'LICENSE'))
  copy('shared', join(app, 'shared'), (path) => !/\.(md|yml)$/.test(path))
  for (const name of ['main.ts', 'handler.ts', 'handler.mjs']) {
    copy(`functions/gpu/${name}`, join(app, 'functions/gpu', name))
  }
  writeFiles(app, committedModels())
  copyProductionPackages(join(app, 'node_modules'), architecture)
  cpSync(runtimeClient, join(app, 'node_modules/aws-lambda-ric'), { recursive: true })
}

/** Large artifacts are not among them: they come from the store. */
function committedModels(): Record<string, Uint8Array> {
  const entries = readModels(join(repositoryRoot, 'models'), { parse: parseManifest })
  const book = 'models/price-book.json'
  const artifacts = entries.flatMap(({ manifest, folder }) => {
    const { file } = manifest.artifact
    if (file === undefined) return []
    const path = join(folder, file)
    return [[relative(repositoryRoot, path), readFileSync(path)] as const]
  })
  return {
    ...modelFiles(entries),
    ...Object.fromEntries(artifacts),
    [book]: readFileSync(join(repositoryRoot, book)),
  }
}
