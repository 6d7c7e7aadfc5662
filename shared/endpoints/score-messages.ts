import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { readChunkMessage } from '#shared/batch/messages.ts'
import { scoreChunk } from '#shared/batch/score-chunk.ts'
import type { Scorer } from '#shared/batch/scorer.ts'
import { cpuClass } from '#shared/batch/scoring/cpu-class.ts'
import { createProcessScorer } from '#shared/batch/scoring/process-scorer.ts'
import { endScoringAt } from './end-scoring-at.ts'
import { handleMessages } from './handle-messages.ts'
import { type LambdaBatch, lambdaBatch } from './lambda-batch.ts'
import { lazily } from './lazily.ts'
import { openArtifactStore } from './open-artifact-store.ts'
import { scoreProgram } from './score-program.ts'

/** How long before a function's end it gives up, so that it can still say so. */
const lastWordsMs = 15_000

/** Scores chunks, one at a time, in a process of its own that a poisoned record may take down. */
export function onScoreMessages(open: () => Promise<Scoring> = lambdaBatch) {
  const opened = lazily(async () => {
    const services = await open()
    return { ...services, scorer: lambdaScorer(services), cpuClass: cpuClass() }
  })
  return async (
    event: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const { batch, cpuClass, logger, ...services } = await opened()
    const deadline = Date.now() + context.getRemainingTimeInMillis() - lastWordsMs
    const scoring = { ...batch, cpuClass, scorer: endScoringAt(deadline, services.scorer) }
    return handleMessages(event, {
      queue: batch.queues.score,
      handle: (body, receives) => scoreChunk(readChunkMessage(body), receives, scoring),
      logger,
    })
  }
}

type Scoring = Pick<LambdaBatch, 'batch' | 'environment' | 'logger'>

function lambdaScorer({ environment, logger }: Scoring): Scorer {
  const { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memoryMB = 1_024 } = environment
  const artifacts = lazily(() => openArtifactStore(environment))
  return createProcessScorer({
    program: scoreProgram,
    readArtifact: async ({ manifest }) => (await artifacts()).fetch(manifest.artifact),
    size: 1,
    // The rest is for this process, which holds the model's file and the part for a moment.
    memoryLimitBytes: memoryMB * 2 ** 20 * 0.75,
    recycleBytes: environment.PERCALL_SCORER_BYTES,
    codeCache: join(tmpdir(), 'percall-code'),
    // Between events time stands still, and jumps when the next one comes.
    idleMs: 86_400_000,
    onDeath: ({ kind }, model) => logger.warn('a scoring process has died', { model, code: kind }),
    onRecycle: (_, model) => logger.info('a scoring process was replaced', { model }),
  })
}
