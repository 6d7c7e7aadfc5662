import { startGenerationProcess } from '#shared/generation/generation-process.ts'
import type { GenerateRequest, Generator } from '#shared/generation/generator.ts'
import { createOnnxGenerator } from '#shared/generation/onnx-generator.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { generationPeer } from './generation-peer.ts'
import { bareDecode } from './harness/bare-decode.ts'
import { interleave } from './harness/interleave.ts'
import { milliseconds as ms } from './harness/milliseconds.ts'
import type { Measure, Row } from './harness/report.ts'
import { highest, p99, statistics } from './harness/statistics.ts'
import { timerLags } from './harness/timer-lags.ts'
import { languageModel } from './models/language-model.ts'

const threads = 2
const contextTokens = 2_048
const count = 48
const prompt = Array.from({ length: 64 }, (_, at) => 40 + at)
const request: GenerateRequest = {
  prompt,
  maxTokens: count,
  temperature: 0,
  topP: 1,
  seed: 0,
  stopTokens: [],
}

/** How fast a language model writes: beside a bare loop, alone and four at once, and in a process. */
export const generation: Measure = async ({ samples: rounds }) => {
  const model = languageModel()
  const { shape } = model
  const session = await createOnnxSession(model.bytes(), {
    threads,
    format: 'onnx',
    spinMicroseconds: 100,
  })
  const generator = createOnnxGenerator(session, { shape, contextTokens })
  const bare = await bareDecode(model, { threads, room: prompt.length + count })
  const source = { model: 'smollm2', shape, contextTokens, threads, format: 'onnx' } as const
  const process = await startGenerationProcess(
    { ...source, readBytes: async () => model.bytes() },
    { memoryLimitBytes: 2 ** 31 },
  )
  const firstTokenMs: number[] = []
  const lagMs: number[] = []

  const samples = await interleave(
    {
      bare: () => bare(prompt, count),
      one: () => tokensASecond(generator, 1),
      four: () => tokensASecond(generator, 4),
      async process() {
        const stop = timerLags()
        firstTokenMs.push(await timeToFirst(process))
        const rate = await tokensASecond(process, 4)
        lagMs.push(p99(stop()))
        return rate
      },
    },
    rounds,
  ).finally(() => Promise.all([generator.close(), process.close()]))
  const beside = await generationPeer({ prompt, count, threads }, rounds)
  const ratio = (above: readonly number[], below: readonly number[]) =>
    highest(above.map((rate, at) => rate / (below[at] ?? Number.NaN)))
  const rate = (what: string, values: readonly number[]): Row => ({
    what,
    unit: 'tokens/s',
    value: highest(values),
  })
  // The steps of the tiny model take a fifth of a millisecond: its ratios show what JavaScript costs.
  const bar = (atLeast: number) => (model.isReal ? { atLeast } : {})
  return {
    title: `Language model, ${model.name}`,
    rows: [
      rate('a bare decode loop', samples.bare),
      rate('one generation', samples.one),
      rate('four at once, together', samples.four),
      rate('four at once, in a process of its own', samples.process),
      { what: 'one ÷ bare loop', unit: '×', value: ratio(samples.one, samples.bare), ...bar(0.95) },
      { what: 'four ÷ one', unit: '×', value: ratio(samples.four, samples.one), ...bar(2) },
      ms(`first token after a prompt of ${prompt.length}, in a process`, statistics(firstTokenMs)),
      { ...ms('p99 lag of a 1 ms timer beside the process', statistics(lagMs)), atMost: 5 },
      ...beside.rows,
    ],
    notes: [
      `Language model: ${count} tokens after a prompt of ${prompt.length}, greedy, ${threads} threads; rates count from the first token on (of four: of the last of them). The bare loop calls onnxruntime-node on the same file with the cache in place and takes the largest logit.`,
      ...beside.notes,
    ],
  }
}

/** Of several generations of the same length, from when all have their first token. */
async function tokensASecond(generator: Generator, generations: number): Promise<number> {
  let begun = 0
  let start = 0
  let written = 0
  await Promise.all(
    Array.from({ length: generations }, async () => {
      let isFirst = true
      for await (const _ of generator.generate(request)) {
        if (begun === generations) written += 1
        else if (isFirst && ++begun === generations) start = performance.now()
        isFirst = false
      }
    }),
  )
  return (written / (performance.now() - start)) * 1_000
}

async function timeToFirst(generator: Generator): Promise<number> {
  const start = performance.now()
  for await (const _ of generator.generate(request)) break
  return performance.now() - start
}
