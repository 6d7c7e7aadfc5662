import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '#functions/packaging/function-folder.ts'
import { cachedModel } from '#test/support/cached-model.ts'
import { makeTransformer } from '../models/make-transformer.ts'
import { cacheFolder } from './cache-folder.ts'

/** percall's own models and the text encoder that the benchmark makes, with their files beside them. */
export async function makeBatchModels(): Promise<string> {
  const { artifacts, modelFolders } = await makeTransformer()
  const models = cacheFolder('batch-models')
  cpSync(join(repositoryRoot, 'models'), models, { recursive: true, filter: isServed })
  cpSync(join(modelFolders.onnx, 'transformer'), join(models, 'transformer'), { recursive: true })
  const transformer = manifestOf(join(models, 'transformer'))
  putBeside(join(models, 'transformer'), readFileSync(join(artifacts, transformer.artifact.key)))
  const { bytes } = await cachedModel('text-recognition')
  putBeside(join(models, 'text-recognition'), bytes)
  return models
}

const manifestOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))

/** As if the file were committed. */
function putBeside(folder: string, bytes: Uint8Array): void {
  const manifest = manifestOf(folder)
  const artifact = { ...manifest.artifact, file: 'model.onnx' }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, artifact }))
  writeFileSync(join(folder, 'model.onnx'), bytes)
}

/** Not what recipes left beside it. */
const isServed = (path: string) => !/__pycache__|\.venv/.test(path)
