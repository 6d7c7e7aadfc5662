import type { ModelRunner } from './model-runner.ts'
import { type ProvenModelsOptions, provenModels } from './proven-models.ts'

/** Runs models in the calling thread, which a run blocks. */
export function inlineRunner(options: ProvenModelsOptions): ModelRunner {
  const models = provenModels(options)
  return {
    predict: (entry, request) => models.use(entry, (model) => model.predict(request)),
    infer: (entry, request) => models.use(entry, (model) => model.infer(request)),
    load: (entry) => models.use(entry, async () => undefined),
    ready: models.prove,
    close: models.close,
  }
}
