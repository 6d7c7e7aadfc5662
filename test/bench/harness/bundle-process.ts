import { join, resolve } from 'node:path'
import { bundleHandler } from '#functions/packaging/bundle-handler.ts'
import { onnxRuntimeFiles } from '#functions/packaging/onnx-runtime-files.ts'
import { architecture } from './architecture.ts'
import { cacheFolder } from './cache-folder.ts'
import { writeFiles } from './write-files.ts'

/**
 * `test/bench/processes/<name>.ts`, bundled as functions are, so that what is compared with a
 * function starts as fast as it does.
 * @returns the file to run
 */
export async function bundleProcess(name: string): Promise<string> {
  const { files } = await bundleHandler(resolve(import.meta.dirname, `../processes/${name}.ts`))
  const runtime = onnxRuntimeFiles(architecture)
  const folder = writeFiles(cacheFolder('processes', name), { ...files, ...runtime })
  return join(folder, 'handler.mjs')
}
