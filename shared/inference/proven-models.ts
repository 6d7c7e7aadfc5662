import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import type { CreateSession } from '#shared/runtime/session.ts'
import { checkGoldenSample } from './golden-sample.ts'
import { type LoadModelOptions, loadModel } from './load-model.ts'
import { type LoadedModels, loadedModels } from './loaded-models.ts'
import type { Model } from './model.ts'
import type { ReadArtifact } from './model-runner.ts'

export interface ProvenModelsOptions {
  readArtifact: ReadArtifact
  /** Threads inside one run. */
  threads: number
  /** How many models stay loaded. */
  limit?: number
  /** Whether a model must pass its golden sample before it answers its first call. */
  proveOnLoad?: boolean
  createSession?: CreateSession
  /** Told which provider runs a model that asks for another than the CPU. */
  logger?: LoadModelOptions['logger']
}

export interface ProvenModels extends LoadedModels {
  /** Resolves once the model is loaded and its golden sample has passed here. */
  prove(entry: ModelEntry): Promise<void>
}

/** The models that are loaded in this thread, with what they have proven here. */
export function provenModels({
  readArtifact,
  threads,
  limit = 16,
  proveOnLoad = false,
  createSession = createOnnxSession,
  logger,
}: ProvenModelsOptions): ProvenModels {
  const proofs = new WeakMap<Model, Promise<void>>()
  const prove = (model: Model): Promise<void> => {
    const known = proofs.get(model)
    if (known) return known
    const proof = checkGoldenSample(model)
    proofs.set(model, proof)
    // A failure is forgotten: it may have been want of memory.
    proof.catch(() => proofs.delete(model))
    return proof
  }
  const models = loadedModels({
    limit,
    async load(entry) {
      const model = await loadModel(entry, { readArtifact, createSession, threads, logger })
      if (!proveOnLoad) return model
      try {
        await prove(model)
        return model
      } catch (thrown) {
        await model.close()
        throw thrown
      }
    },
  })
  return { ...models, prove: (entry) => models.use(entry, prove) }
}
