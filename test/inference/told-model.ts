import { readFileSync } from 'node:fs'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { startGenerationProcess } from '#shared/generation/generation-process.ts'
import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import { processRunner } from '#shared/inference/process-runner.ts'
import { threadedRunner } from '#shared/inference/threaded-runner.ts'
import { tinySource } from '#test/generation/tiny-model.ts'

/** A program that opens one model, which asks for more than the CPU, where it is told to, and ends. */
const providers = ['tensorrt', 'cuda', 'cpu'] as const
const source = { ...tinySource(), model: 'told@1', providers }
const memoryLimitBytes = 1_000_000_000
const readArtifact = async () => new Uint8Array(readFileSync('models/iris/model.int8.onnx'))
const [iris] = readModels('models', { parse: parseManifest, only: 'iris' }) as [ModelEntry]
const entry = { ...iris, manifest: { ...iris.manifest, name: 'told', providers: [...providers] } }

const places: Readonly<Record<string, () => Promise<{ close(): Promise<void> }>>> = {
  'a model that writes in a thread': () => startGenerationThread(source),
  'a model that writes in a process': () => startGenerationProcess(source, { memoryLimitBytes }),
  async 'a plain model in a thread'() {
    const runner = threadedRunner({ readArtifact, size: 1 })
    await runner.load(entry)
    return runner
  },
  async 'a plain model in a process'() {
    const runner = processRunner({ readArtifact, size: 1, memoryLimitBytes })
    await runner.load(entry)
    return runner
  },
}
const opened = await places[process.argv[2] ?? '']?.()
await opened?.close()
