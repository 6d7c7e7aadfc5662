import { startTimedRangeServer } from '#test/servers/timed-range-server.ts'
import { tell } from '../harness/tell.ts'

const [, , directory = '.'] = process.argv
const { endpoint } = await startTimedRangeServer({ directory })
// Whoever started it has gone, however that happened.
process.on('disconnect', () => process.exit())
tell({ endpoint })
