import type { BatchServices, Handled, Stage } from '#shared/batch/batch-services.ts'
import { readChunkMessage, readJobMessage } from '#shared/batch/messages.ts'
import { planJob } from '#shared/batch/plan-job.ts'
import { type PublishingServices, publishJob } from '#shared/batch/publish-job.ts'
import { scoreChunk } from '#shared/batch/score-chunk.ts'
import type { Scorer } from '#shared/batch/scorer.ts'
import { createLineScorer } from './chaos/line-scorer.ts'

export interface Hands {
  /** Handles so many of the messages that a queue has now; how many there were. */
  work(stage: Stage, count?: number, changes?: Partial<BatchServices>): Promise<number>
  /** All stages, until there is nothing left to do. */
  workAll(): Promise<void>
}

/** Batches one message after the other, so that a test can do something in between. */
export function byHand(services: PublishingServices, scorer: Scorer = createLineScorer()): Hands {
  const handleWith = (all: PublishingServices) => ({
    plan: (body: string, receives: number) => planJob(readJobMessage(body).job, receives, all),
    score: (body: string, receives: number): Promise<Handled> =>
      scoreChunk(readChunkMessage(body), receives, { ...all, scorer, cpuClass: 'by hand' }),
    publish: (body: string, receives: number) =>
      publishJob(readJobMessage(body).job, receives, all),
  })

  async function work(
    stage: Stage,
    count = Number.POSITIVE_INFINITY,
    changes: Partial<BatchServices> = {},
  ): Promise<number> {
    const queue = services.queues[stage]
    for (let done = 0; done < count; done += 1) {
      const [delivery] = await queue.receive({ limit: 1, visibilityMs: 60_000 })
      if (!delivery) return done
      const handle = handleWith({ ...services, ...changes })[stage]
      const handled = await handle(delivery.body, delivery.receives)
      if (handled === 'done') await queue.remove(delivery)
      else await queue.hide(delivery, 0)
    }
    return count
  }

  return {
    work,
    async workAll() {
      for (let handled = 1; handled > 0; ) {
        handled = (await work('plan')) + (await work('score')) + (await work('publish'))
      }
    },
  }
}
