import type { ToGenerationWorker } from '#shared/generation/generation-messages.ts'
import { openOnnxGenerator } from '#shared/generation/open-onnx-generator.ts'
import { serveGenerations } from '#shared/generation/serve-generations.ts'
import { endWithParent } from '#shared/inference/end-with-parent.ts'
import { deadlyToken } from './counting-model.ts'

/** A worker process as the real one, that crashes after a deadly token, and keeps 2 MB of every token. */
endWithParent()
const kept: Buffer[] = []
const receive = serveGenerations((events) => process.send?.(events), {
  async open(source) {
    const generator = await openOnnxGenerator(source)
    return {
      ...generator,
      async *generate(request) {
        for await (const token of generator.generate(request)) {
          if (token.token === deadlyToken) process.abort()
          kept.push(Buffer.alloc(2_000_000, 1))
          yield token
        }
      },
    }
  },
})
process.on('message', (message: ToGenerationWorker) => receive(message))
