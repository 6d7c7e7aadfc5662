import { endWithParent } from '#shared/inference/end-with-parent.ts'
import { serveRuns } from '#shared/inference/serve-runs.ts'
import type { ToWorker } from '#shared/inference/worker-messages.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { poison } from '#test/batch/scoring/poison-models.ts'

/** A worker process as the real one, whose sessions know poison, and keep 2 MB of every run. */
endWithParent()
const kept: Buffer[] = []
const receive = serveRuns((message) => process.send?.(message), {
  async createSession(bytes, options) {
    const session = await createOnnxSession(bytes, options)
    return {
      ...session,
      async run(inputs, outputs) {
        const holds = (value: number) =>
          Object.values(inputs).some(
            ({ data }) => data instanceof Float32Array && data.includes(value),
          )
        if (holds(poison.abort)) process.abort()
        if (holds(poison.fail)) throw new Error('poison')
        kept.push(Buffer.alloc(2_000_000, 1))
        return session.run(inputs, outputs)
      },
    }
  },
})
process.on('message', (message: ToWorker) => receive(message))
