import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { LanguageModelFile } from '../models/language-model.ts'

/** Reads the prompt, then writes `count` tokens. @returns tokens a second after the first */
export type BareDecode = (prompt: readonly number[], count: number) => Promise<number>

/** The least that can be done with the artifact: no sampling, no stream, no neighbours, and a cache of `room` tokens. */
export async function bareDecode(
  { bytes, layers, shape }: LanguageModelFile,
  { threads, room }: { threads: number; room: number },
): Promise<BareDecode> {
  const session = await InferenceSession.create(bytes(), {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    graphOptimizationLevel: 'all',
    // As the generator has it.
    extra: { session: { intra_op: { allow_spinning: '1', spin_duration_us: '100' } } },
  })
  const { kvHeads, headSize, vocabulary } = shape
  const size = [1, kvHeads, room, headSize]
  const names = Array.from({ length: layers }, (_, at) => [`${at}.key`, `${at}.value`]).flat()
  const cache = names.map((name) => ({
    name,
    tensor: new Tensor('float32', new Float32Array(kvHeads * room * headSize), size),
  }))
  const past = Object.fromEntries(
    cache.map(({ name, tensor }) => [`past_key_values.${name}`, tensor]),
  )
  const present = Object.fromEntries(cache.map(({ name, tensor }) => [`present.${name}`, tensor]))
  const logits = new Float32Array(vocabulary)
  const outputs = { logits: new Tensor('float32', logits, [1, vocabulary]), ...present }

  const read = async (tokens: readonly number[], length: number): Promise<number> => {
    const inputs = {
      input_ids: new Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
      seqlens_k: new Tensor('int32', Int32Array.of(length - 1), [1]),
      total_sequence_length: new Tensor('int32', Int32Array.of(length), []),
      ...past,
    }
    await session.run(inputs, outputs)
    let best = 0
    for (let at = 1; at < logits.length; at += 1) {
      if ((logits[at] as number) > (logits[best] as number)) best = at
    }
    return best
  }
  return async (prompt, count) => {
    let token = await read(prompt, prompt.length)
    const start = performance.now()
    for (let at = 1; at < count; at += 1) token = await read([token], prompt.length + at)
    return ((count - 1) / (performance.now() - start)) * 1_000
  }
}
