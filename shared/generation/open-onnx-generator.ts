import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import type { GenerationWorkerData } from './generation-messages.ts'
import type { Generator } from './generator.ts'
import { createOnnxGenerator } from './onnx-generator.ts'

/**
 * A generator in the thread that calls it, over a session of its own.
 * @throws ServiceError `model_opset_unsupported`, `model_invalid`, `out_of_memory`
 */
export async function openOnnxGenerator({
  bytes,
  threads,
  format,
  ...options
}: GenerationWorkerData): Promise<Generator> {
  const session = await createOnnxSession(bytes, { threads, format, spinMicroseconds: 100 })
  return createOnnxGenerator(session, options)
}
