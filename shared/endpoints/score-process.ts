import { runScoreProcess } from '#shared/batch/scoring/run-score-process.ts'
import { batchCalls } from './batch-calls.ts'

/** The program of the processes that score batches; `score-program.ts` says where it lies. */
runScoreProcess({ dialect: batchCalls })
