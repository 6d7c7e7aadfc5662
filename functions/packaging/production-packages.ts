import { cpSync, existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { repositoryRoot } from './function-folder.ts'
import { onnxRuntimeFiles } from './onnx-runtime-files.ts'
import { type Architecture, architectures } from './package-files.ts'
import { writeFiles } from './write-files.ts'

/** What its installer alone needs: it would fetch libraries for GPUs from elsewhere. */
const unused: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-node': ['adm-zip', 'global-agent'],
}
const forDevelopers = /\.(map|d\.[cm]?ts|md)$/

interface PackageManifest {
  readonly dependencies?: Readonly<Record<string, string>>
}

/** Names of all packages that the service runs on, without those of development. */
export function productionPackages(root = repositoryRoot): string[] {
  const read = (folder: string) =>
    JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageManifest
  const names = new Set(Object.keys(read(root).dependencies ?? {}))
  // A set is walked to its end, also while it grows.
  for (const name of names) {
    const folder = join(root, 'node_modules', name)
    if (existsSync(join(folder, 'node_modules'))) {
      throw new Error(
        `${name} has packages of its own; productionPackages does not know how to copy them.`,
      )
    }
    const needed = Object.keys(read(folder).dependencies ?? {})
    for (const one of needed) if (!unused[name]?.includes(one)) names.add(one)
  }
  return [...names].sort()
}

/** Copies those packages, and of ONNX Runtime what one kind of processor needs. */
export function copyProductionPackages(target: string, architecture: Architecture): void {
  for (const name of productionPackages()) {
    const source = join(repositoryRoot, 'node_modules', name)
    const isRuntime = name === 'onnxruntime-node'
    cpSync(source, join(target, name), {
      recursive: true,
      filter: (path) =>
        !forDevelopers.test(path) &&
        !(isRuntime && ['bin', 'script', 'lib'].includes(basename(path))),
    })
  }
  const { node } = architectures[architecture]
  const libraries = join(target, 'onnxruntime-node/bin/napi-v6/linux', node)
  writeFiles(libraries, onnxRuntimeFiles(architecture))
}
