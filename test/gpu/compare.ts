import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { largestDifference } from '#shared/inference/golden-sample.ts'
import { loadModel } from '#shared/inference/load-model.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import type { CreateSession, Provider } from '#shared/runtime/session.ts'

/** What is allowed between two kinds of processor, absolute: they add up in another order. */
const tolerance = 1e-3
const runs = 50
/** By which a run tells that it has skipped what it was to do (automake's convention). */
const skipped = 77

/**
 * `npm run test:gpu`: the golden sample of every committed model on each provider that a GPU offers,
 * against the CPU: how far the answers are apart, and how much faster they come.
 */
const accelerators = ['tensorrt', 'cuda'] as const satisfies readonly Provider[]
const models = readModels('models', { parse: parseManifest }).filter(
  ({ manifest }) => manifest.artifact.file !== undefined && manifest.artifact.format === 'onnx',
)
const reasons = new Map<Provider, string>()
const rows: Record<string, unknown>[] = []
let failed = false

for (const entry of models) {
  const { name, artifact } = entry.manifest
  const bytes = new Uint8Array(readFileSync(join(entry.folder, artifact.file ?? '')))
  const onCpu = await answerOn('cpu')
  for (const provider of accelerators) {
    const answer = await answerOn(provider)
    if (!answer || !onCpu) continue
    const difference = largestDifference(answer.outputs, onCpu.outputs)
    failed ||= !(difference <= tolerance)
    rows.push({
      model: name,
      provider,
      'largest difference': difference,
      'CPU ms': Math.round(onCpu.medianMs * 1_000) / 1_000,
      'GPU ms': Math.round(answer.medianMs * 1_000) / 1_000,
      'times as fast': Math.round((onCpu.medianMs / answer.medianMs) * 100) / 100,
    })
  }

  async function answerOn(provider: Provider) {
    const createSession: CreateSession = async (file, options) => {
      const session = await createOnnxSession(file, { ...options, providers: [provider] })
      for (const one of session.declined) reasons.set(one.provider, one.reason)
      return session
    }
    const model = await loadModel(entry, {
      readArtifact: async () => bytes,
      createSession,
      threads: 1,
    })
    try {
      if (reasons.has(provider)) return undefined
      const asked = { inputs: entry.sample.inputs, parameters: entry.sample.parameters ?? {} }
      const { outputs } = await model.predict(asked)
      const times: number[] = []
      for (let run = 0; run < runs; run += 1) {
        times.push((await model.predict(asked)).timings.runMs)
      }
      return { outputs, medianMs: times.sort((a, b) => a - b)[runs / 2] ?? Number.NaN }
    } finally {
      await model.close()
    }
  }
}

for (const [provider, reason] of reasons) console.log(`not on ${provider}: ${reason}`)
if (rows.length === 0) {
  console.log('SKIPPED: nothing was compared, because there is no GPU to compare with.')
  process.exitCode = skipped
} else {
  console.table(rows)
  console.log(failed ? `FAILED: more than ${tolerance} apart` : `within ${tolerance} of the CPU`)
  if (failed) process.exitCode = 1
}
