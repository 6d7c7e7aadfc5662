import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runScoreProcess } from '#shared/batch/scoring/run-score-process.ts'
import { batchCalls } from '#shared/endpoints/batch-calls.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import type { Tensors } from '#shared/runtime/tensor.ts'
import { poison } from './poison-models.ts'

const holds = (inputs: Tensors, value: number) =>
  Object.values(inputs).some(({ data }) => data instanceof Float32Array && data.includes(value))

function die(): void {
  process.kill(process.pid, 'SIGKILL')
  // The signal takes effect when it is delivered, not when it is sent.
  for (;;);
}

/** Left behind by the process that crashed, for the next one to see. */
const mark = join(tmpdir(), `percall-crashed-once-${process.ppid}`)

/** A process as the real one, whose sessions know poison. */
runScoreProcess({
  dialect: batchCalls,
  async createSession(bytes, options) {
    const session = await createOnnxSession(bytes, options)
    return {
      ...session,
      async run(inputs, outputs) {
        if (holds(inputs, poison.crash)) die()
        if (holds(inputs, poison.abort)) process.abort()
        if (holds(inputs, poison.fail)) throw new ServiceError('inference_failed')
        if (holds(inputs, poison.crashOnce) && !existsSync(mark)) {
          writeFileSync(mark, '')
          die()
        }
        const results = await session.run(inputs, outputs)
        for (const { data } of Object.values(results)) {
          if (!(data instanceof Float32Array)) continue
          for (const [at, value] of data.entries()) {
            if (value === poison.notANumber) data[at] = Number.NaN
          }
        }
        return results
      },
    }
  },
})
