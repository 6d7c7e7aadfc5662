import type { ServiceError } from '#shared/errors/service-error.ts'
import type { FromGenerationWorker, ToGenerationWorker } from './generation-messages.ts'

/** Where a generator runs beside its caller: in a thread, or in a process that can be killed. */
export interface GenerationPlace {
  send(message: ToGenerationWorker): void
  /** Hands the model's file over. */
  sendBytes(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /**
   * It is at work, and is ended after so long where that can be done; or it rests (`undefined`): then
   * it keeps this process alive no longer.
   */
  allow(limitMs: number | undefined): void
  /** Ends it, in the middle of a run where that can be done, else after it. Idempotent. */
  end(): Promise<void>
  /** Between two texts: whether it has grown so much that another should take its place. */
  hasGrown(): boolean
  /** Resolves once it has ended, with what those are told who were in it. */
  readonly ended: Promise<ServiceError>
}

export type StartGenerationPlace = (
  receive: (message: FromGenerationWorker) => void,
) => GenerationPlace
