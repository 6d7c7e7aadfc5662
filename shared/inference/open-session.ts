import { createLogger, type Logger } from '#shared/observability/logger.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import type { CreateSession, Session, SessionOptions } from '#shared/runtime/session.ts'

export interface OpenSessionOptions extends SessionOptions {
  /** What the log calls it. */
  model: string
  createSession?: CreateSession
  /** Told which provider runs a model that asks for another than the CPU, and why no earlier one does. */
  logger?: Pick<Logger, 'info'> | undefined
}

/**
 * The session of any model, be it plain or one that writes.
 * @throws ServiceError `model_opset_unsupported`, `model_invalid`, `out_of_memory`
 */
export async function openSession(
  bytes: Uint8Array<ArrayBuffer>,
  {
    model,
    createSession = createOnnxSession,
    logger = createLogger(),
    ...options
  }: OpenSessionOptions,
): Promise<Session> {
  const session = await createSession(bytes, options)
  const [first = 'cpu'] = options.providers ?? []
  if (first !== 'cpu') {
    const { provider, declined } = session
    const reasons = declined.map((one) => `not on ${one.provider}: ${one.reason}`)
    const detail = reasons.length > 0 ? reasons.join('; ') : undefined
    logger.info(`the model runs on ${provider}`, { model, detail })
  }
  return session
}
