import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { warmRuntime } from '#shared/runtime/onnx-session.ts'
import type { LambdaModels } from './lambda-services.ts'

/**
 * Models run in the calling thread where one request is served at a time: nothing else waits for the
 * event loop, and a cold start need not start a thread.
 */
export const inlineModels = { openRunner: inlineRunner, warmRuntime } satisfies LambdaModels
