import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { checkGoldenSample } from './golden-sample.ts'
import { loadModel } from './load-model.ts'
import { loadedModels } from './loaded-models.ts'
import type { Model } from './model.ts'
import type { ModelRunner, ReadArtifact } from './model-runner.ts'

export interface InlineRunnerOptions {
  readArtifact: ReadArtifact
  /** Threads inside one run. */
  threads: number
  /** How many models stay loaded. */
  limit?: number
  /** Whether a model must pass its golden sample before it answers its first call. */
  proveOnLoad?: boolean
}

/** Runs models in the calling thread, which a run blocks. */
export function inlineRunner({
  readArtifact,
  threads,
  limit = 16,
  proveOnLoad = false,
}: InlineRunnerOptions): ModelRunner {
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
      const model = await loadModel(entry, {
        readArtifact,
        createSession: createOnnxSession,
        threads,
      })
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

  return {
    predict: (entry, request) => models.use(entry, (model) => model.predict(request)),
    infer: (entry, request) => models.use(entry, (model) => model.infer(request)),
    load: (entry) => models.use(entry, async () => undefined),
    ready: (entry) => models.use(entry, prove),
    close: () => models.close(),
  }
}
