import { type OpenSessionOptions, openSession } from '#shared/inference/open-session.ts'
import type { GenerationSource } from './generation-messages.ts'
import type { Generator } from './generator.ts'
import { createOnnxGenerator } from './onnx-generator.ts'

export type OnnxGeneratorSource = GenerationSource & Pick<OpenSessionOptions, 'logger'>

/**
 * A generator in the thread that calls it, over a session of its own.
 * @throws ServiceError `model_opset_unsupported`, `model_invalid`, `out_of_memory`
 */
export async function openOnnxGenerator({
  readBytes,
  model,
  threads,
  format,
  providers = ['cpu'],
  logger,
  ...options
}: OnnxGeneratorSource): Promise<Generator> {
  const session = await openSession(await readBytes(), {
    model,
    threads,
    format,
    providers,
    logger,
    spinMicroseconds: 100,
  })
  return createOnnxGenerator(session, options)
}
