import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import { tell } from '../harness/tell.ts'
import { type WriteTask, writeRate } from '../harness/write-rate.ts'
import { languageModel } from '../models/language-model.ts'

/** With room for eight texts at once; in a thread, so that the CPU time of this process is that of both. */
const [, , words = ''] = process.argv
const { prompt, count, threads }: WriteTask = JSON.parse(words)
const { shape, bytes } = languageModel()
const contextTokens = 2_048
const generator = await startGenerationThread({
  model: 'smollm2',
  readBytes: async () => bytes(),
  shape,
  contextTokens,
  threads,
  format: 'onnx',
})
const request = { prompt, maxTokens: count, temperature: 0, topP: 1, seed: 0, stopTokens: [] }
tell(
  await writeRate(async (onToken) => {
    for await (const { token } of generator.generate(request)) onToken(token)
  }),
)
await generator.close()
