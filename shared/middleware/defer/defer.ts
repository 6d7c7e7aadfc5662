import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { modelKey, type PredictRequest } from '#shared/inference/model.ts'
import type { DeferredCall } from '#shared/jobs/deferred-call.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import type { Call } from '../call.ts'
import type { Step } from '../step.ts'
import { prefersAsync } from './prefer.ts'

export interface DeferOptions<Input> {
  /** Opened by the first call that needs them. Where they are absent, every call is answered at once. */
  readonly openJobs?: (() => Promise<JobServices>) | undefined
  /** The model that is asked. */
  readonly entryOf: (input: Input) => ModelEntry
  /** The input for the version that was in force when the call was put off. */
  readonly repin?: ((call: Call<Input>, version: string) => Input) | undefined
  /** What a plain call asks; it is checked before it is put off, as if it were run. */
  readonly askedOf?: ((input: Input) => PredictRequest) | undefined
  /** Of any other: what can be refused at once without the model, beside what reading it refuses. */
  readonly check?: ((call: Call<Input>) => unknown) | undefined
  /** The answer to a call that was put off. @param asked whether the caller preferred that */
  readonly encode: (job: DeferredCall, asked: boolean, jobs: JobServices) => Promise<HttpResponse>
}

/**
 * Puts off what its caller wants to be put off, and calls of heavy models of which no instance is
 * warm. It stands behind the checks that every call has to pass, and before anything is paid.
 */
export function defer<Input>(options: DeferOptions<Input>): Step<Input> {
  const { openJobs, entryOf, repin } = options
  return {
    async before({ event }) {
      const { headers, deferred } = event.request
      const entry = entryOf(event.input)
      if (deferred) {
        // An alias may have moved since.
        const [, version = ''] = deferred.model.split('@')
        if (deferred.model !== modelKey(entry) && repin) event.input = repin(event, version)
        return
      }
      // Who wants to be told later does not wait.
      const asked = prefersAsync(headers.prefer) || headers['percall-webhook'] !== undefined
      if (!openJobs || (!asked && !entry.manifest.heavy)) return
      // Few calls are put off: it is in no function's cold start.
      const { putOff } = await import('./put-off.ts')
      event.replay = await putOff(event, asked, { ...options, jobs: await openJobs() })
    },
  }
}
