import { childLogger } from './child-logger.ts'
import { endWithParent } from './end-with-parent.ts'
import { serveRuns } from './serve-runs.ts'
import type { ToWorker } from './worker-messages.ts'

/** The entry of a worker process. */
endWithParent()
const receive = serveRuns((message) => process.send?.(message), { logger: childLogger() })
process.on('message', (message: ToWorker) => receive(message))
