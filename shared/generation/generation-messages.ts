import type { PortableError } from '#shared/inference/worker-messages.ts'
import type { SessionOptions } from '#shared/runtime/session.ts'
import type { GeneratedToken, GenerateRequest } from './generator.ts'
import type { GeneratorOptions } from './onnx-generator.ts'

/** What a generation worker is started with. The bytes are handed over, not copied. */
export interface GenerationWorkerData extends GeneratorOptions, SessionOptions {
  readonly bytes: Uint8Array<ArrayBuffer>
}

export type ToGenerationWorker =
  | {
      readonly type: 'generate'
      readonly id: number
      readonly request: Omit<GenerateRequest, 'signal'>
    }
  | { readonly type: 'leave'; readonly id: number }
  | { readonly type: 'close' }

export type FromGenerationWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'broken'; readonly error: PortableError }
  | { readonly type: 'token'; readonly id: number; readonly token: GeneratedToken }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'failure'; readonly id: number; readonly error: PortableError }
