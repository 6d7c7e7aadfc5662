import type { Context } from 'aws-lambda'
import type { BatchServices } from '#shared/batch/batch-services.ts'

/** How long before a function's end it hands on: by then a step that has begun is done. */
const handOverMs = 120_000

/** Services that know when this run of a function ends. */
export const withinRun = <Services extends BatchServices>(
  services: Services,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
): Services => ({
  ...services,
  until: services.now() + Math.max(0, context.getRemainingTimeInMillis() - handOverMs),
})
