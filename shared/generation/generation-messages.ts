import type { FilePiece } from '#shared/inference/file-pieces.ts'
import type { PortableError } from '#shared/inference/worker-messages.ts'
import type { SessionOptions } from '#shared/runtime/session.ts'
import type { GeneratedToken, GenerateRequest } from './generator.ts'
import type { GeneratorOptions } from './onnx-generator.ts'

/** How a generator is opened, as it travels to a worker. */
export interface GenerationOptions extends GeneratorOptions, SessionOptions {
  /** What the log calls the model. */
  readonly model: string
}

export interface GenerationSource extends GenerationOptions {
  /** The model's file, handed over: nobody else may use these bytes. Asked anew for every worker. */
  readonly readBytes: () => Promise<Uint8Array<ArrayBuffer>>
}

export type ToGenerationWorker =
  /** Sent once, first; the file follows. */
  | { readonly type: 'open'; readonly options: GenerationOptions }
  | ({ readonly type: 'bytes' } & FilePiece)
  | {
      readonly type: 'generate'
      readonly id: number
      readonly request: Omit<GenerateRequest, 'signal'>
    }
  | { readonly type: 'leave'; readonly id: number }
  | { readonly type: 'close' }

/** What one turn of a worker's event loop has to say, in one message: the tokens of a step together. */
export type FromGenerationWorker = readonly GenerationEvent[]

export type GenerationEvent =
  /** `reservedBytes`: what was set aside and takes memory only once it is written, as the cache. */
  | { readonly type: 'ready'; readonly reservedBytes: number }
  | { readonly type: 'broken'; readonly error: PortableError }
  /** The generation may take part in runs from now on. */
  | { readonly type: 'taken'; readonly id: number }
  | { readonly type: 'token'; readonly id: number; readonly token: GeneratedToken }
  /** Ended, or left: it takes part in no further run. */
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'failure'; readonly id: number; readonly error: PortableError }
