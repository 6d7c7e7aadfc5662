import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { elfMachine } from './elf-machine.ts'
import { type Architecture, architectures, type PackageFiles } from './package-files.ts'

const require = createRequire(import.meta.url)

/**
 * ONNX Runtime's native part for one processor; the package holds those of five platforms. The
 * library has to lie beside the binding that loads it.
 * @throws Error where a file is for another processor
 */
export function onnxRuntimeFiles(
  architecture: Architecture,
  packageFolder = dirname(dirname(require.resolve('onnxruntime-node'))),
): PackageFiles {
  const { node, elfMachine: expected } = architectures[architecture]
  const folder = join(packageFolder, 'bin/napi-v6/linux', node)
  const names = ['onnxruntime_binding.node', 'libonnxruntime.so.1']
  return Object.fromEntries(
    names.map((name) => {
      const bytes = readFileSync(join(folder, name))
      const machine = elfMachine(bytes)
      if (machine !== expected) {
        throw new Error(`${name} is for ELF machine ${machine}, not ${expected} (${architecture}).`)
      }
      return [name, bytes]
    }),
  )
}
