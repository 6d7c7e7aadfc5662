import { clock } from '../harness/clock.ts'
import { tell } from '../harness/tell.ts'

// Node's own start and nothing else.
tell({ bootedAt: clock() })
