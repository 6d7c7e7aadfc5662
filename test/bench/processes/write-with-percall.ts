import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import { tell } from '../harness/tell.ts'
import { type WriteTask, writeRate } from '../harness/write-rate.ts'
import { languageModel } from '../models/language-model.ts'

/** As a service writes: the model in a thread of its own, with room for eight texts at once. */
const [, , words = ''] = process.argv
const { prompt, count, threads }: WriteTask = JSON.parse(words)
const { shape, bytes } = languageModel()
const contextTokens = 512
const options = { shape, contextTokens, bytes: bytes(), threads, format: 'onnx' } as const
const generator = await startGenerationThread(options)
const request = { prompt, maxTokens: count, temperature: 0, topP: 1, seed: 0, stopTokens: [] }
tell(
  await writeRate(async (onToken) => {
    for await (const { token } of generator.generate(request)) onToken(token)
  }),
)
await generator.close()
