import { childLogger } from '#shared/inference/child-logger.ts'
import { endWithParent } from '#shared/inference/end-with-parent.ts'
import type { ToGenerationWorker } from './generation-messages.ts'
import { serveGenerations } from './serve-generations.ts'

/** The entry of a worker process. */
endWithParent()
const receive = serveGenerations((events) => process.send?.(events), {
  logger: childLogger(),
})
process.on('message', (message: ToGenerationWorker) => receive(message))
