import { setTimeout as sleep } from 'node:timers/promises'
import type { ArtifactStore } from '#shared/artifacts/artifact-store.ts'
import { readCommittedArtifact } from '#shared/artifacts/read-committed-artifact.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModelFolder } from '#shared/catalog/read-models.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import { createLanguageModels, writesText } from '#shared/generation/language-models.ts'
import type { ModelRunner, ReadArtifact } from '#shared/inference/model-runner.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { callsUnderWay } from './calls-under-way.ts'
import { type OpenGeneratorOptions, openGenerator } from './open-generator.ts'
import { servingEndpoint } from './serving-endpoint.ts'
import type { WritingServices } from './writing-action.ts'

export interface ModelShelfOptions {
  readonly services: Omit<WritingServices, 'catalog' | 'runner' | 'languageModels'> & {
    readonly artifacts: Pick<ArtifactStore, 'fetch'>
  }
  /** A runner of one model's own, so that closing it gives back all that the model took. */
  readonly openRunner: (readArtifact: ReadArtifact) => ModelRunner
  /** Where a model that writes runs. */
  readonly startGenerator?: OpenGeneratorOptions['start']
  readonly threads: number
  /** Bytes of memory that can still be had. */
  readonly availableBytes?: () => number
}

/** A model that somebody brought, under the name that he chose. */
export interface ShelvedModel {
  readonly name: string
  readonly url: string
  readonly entry: ModelEntry
  /** The routes of the service, with this one model in its catalogue. */
  readonly endpoint: Endpoint
}

/** The models of a container that holds many, loaded and unloaded from outside. */
export interface ModelShelf {
  /**
   * @param url the folder of the model
   * @throws ServiceError `model_already_loaded`, `insufficient_memory`, those of reading and loading
   */
  load(name: string, url: string): Promise<void>
  list(): readonly ShelvedModel[]
  /** @throws ServiceError `model_not_found` */
  find(name: string): ShelvedModel
  /** Calls under way end first, their streams, too. @throws ServiceError `model_not_found` */
  unload(name: string): Promise<void>
  close(): Promise<void>
}

const passed = (ms: number) => sleep(ms, undefined, { ref: false })

/** A model takes about its file and twice that while it is loaded (fp32, ONNX Runtime 1.30). */
const memoryPerByte = 3

/**
 * Every model has a runner and a catalogue of its own: two that call themselves the same do not meet,
 * and what one of them takes goes with it.
 */
export function createModelShelf({
  services,
  openRunner,
  startGenerator = startGenerationThread,
  threads,
  availableBytes = () => process.availableMemory(),
}: ModelShelfOptions): ModelShelf {
  const shelf = new Map<string, ShelvedModel & { close(): Promise<void> }>()
  /** Of models that are being loaded: names, and bytes that are spoken for. */
  const loading = new Map<string, number>()

  const find = (name: string) => {
    const found = shelf.get(name)
    if (found) return found
    throw new ServiceError('model_not_found', { detail: 'No model is loaded under this name.' })
  }

  async function open(name: string, url: string, entry: ModelEntry) {
    const { artifact } = entry.manifest
    const readArtifact: ReadArtifact = () =>
      artifact.file === undefined
        ? services.artifacts.fetch(artifact)
        : readCommittedArtifact(artifact, { folder: entry.folder, file: artifact.file })
    const runner = openRunner(readArtifact)
    const languageModels = createLanguageModels((one) =>
      openGenerator(one, { readArtifact, threads, start: startGenerator }),
    )
    const close = () => Promise.all([runner.close(), languageModels.close()]).then(() => undefined)
    try {
      await (writesText(entry) ? languageModels.find(entry) : runner.ready(entry))
    } catch (thrown) {
      await close()
      throw thrown
    }
    const catalog = createCatalog([entry])
    const { endpoint, over } = callsUnderWay(
      servingEndpoint({ ...services, catalog, runner, languageModels }),
    )
    // A reader that never comes to the end of a stream holds no model for longer than it may run.
    const end = () => Promise.race([over(), passed(entry.manifest.limits.timeoutMs)]).then(close)
    return { name, url, entry, endpoint, close: end }
  }

  return {
    find,
    list: () => [...shelf.values()],
    async load(name, url) {
      if (shelf.has(name) || loading.has(name)) throw new ServiceError('model_already_loaded')
      const entry = readModelFolder(url, parseManifest)
      const bytes = entry.manifest.artifact.bytes * memoryPerByte
      const spokenFor = [...loading.values()].reduce((sum, one) => sum + one, 0)
      if (bytes + spokenFor > availableBytes()) throw new ServiceError('insufficient_memory')
      loading.set(name, bytes)
      try {
        shelf.set(name, await open(name, url, entry))
      } finally {
        loading.delete(name)
      }
    },
    async unload(name) {
      const { close } = find(name)
      shelf.delete(name)
      await close()
    },
    async close() {
      await Promise.all([...shelf.values()].map(({ close }) => close()))
      shelf.clear()
    },
  }
}
