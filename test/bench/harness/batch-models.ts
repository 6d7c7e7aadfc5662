import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '#functions/packaging/function-folder.ts'
import { makeTransformer } from '../models/make-transformer.ts'
import { cacheFolder } from './cache-folder.ts'

/** percall's own models and the text encoder that the benchmark makes, each with its file beside it. */
export async function makeBatchModels(): Promise<string> {
  const { artifacts, modelFolders } = await makeTransformer()
  const models = cacheFolder('batch-models')
  cpSync(join(repositoryRoot, 'models'), models, { recursive: true, filter: isServed })
  cpSync(join(modelFolders.onnx, 'transformer'), join(models, 'transformer'), { recursive: true })
  const manifestFile = join(models, 'transformer/manifest.json')
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8'))
  const artifact = { ...manifest.artifact, file: 'model.onnx' }
  writeFileSync(manifestFile, JSON.stringify({ ...manifest, artifact }))
  cpSync(join(artifacts, manifest.artifact.key), join(models, 'transformer/model.onnx'))
  return models
}

/** Not what recipes left beside it. */
const isServed = (path: string) => !/__pycache__|\.venv/.test(path)
