import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchServices, Stage } from '#shared/batch/batch-services.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import type { Queue } from '#shared/batch/queue.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createMeter } from '#shared/metering/metered-call.ts'
import type { Random } from '#test/simulator/random.ts'
import { type Around, aroundPort } from './around-port.ts'

/**
 * Batches on stores of which a share of the operations fail, before or after their effect, and whose
 * queues deliver some messages twice, later, and in another order.
 */
export function faultyBatch<Services extends PublishingServices>(
  services: Services,
  random: Random,
  { share, onFault = () => undefined }: { share: number; onFault?: () => void },
): Services {
  // A long way through many operations would never be passed.
  let faultsLeft = 20
  const around: Around = async (name, operation) => {
    if (faultsLeft === 0 || !random.chance(share)) return operation()
    faultsLeft -= 1
    onFault()
    // Messages that were taken and never arrived are hidden for a minute, which no test waits for.
    if (random.chance(0.5) && !name.endsWith('.receive')) await operation()
    throw new ServiceError('store_unavailable')
  }
  const queueOf = (stage: Stage): Queue => {
    const queue = services.queues[stage]
    const shuffled: Queue = {
      ...queue,
      async send(messages) {
        const late = messages.map((message) => ({
          ...message,
          delayMs: random.chance(5 * share) ? random.integer(0, 300) : message.delayMs,
        }))
        await queue.send([...late, ...late.filter(() => random.chance(5 * share))])
      },
    }
    return aroundPort(stage, shuffled, around)
  }
  const queues: BatchServices['queues'] = {
    plan: queueOf('plan'),
    score: queueOf('score'),
    publish: queueOf('publish'),
  }
  const ledger = aroundPort('ledger', services.ledger, around)
  return {
    ...services,
    objects: aroundPort('objects', services.objects, around),
    jobs: aroundPort('jobs', services.jobs, around),
    ledger,
    meter: createMeter({
      ledger,
      prices: services.prices,
      newId: randomUUID,
      sleep,
      retentionMs: 90 * 86_400_000,
    }),
    queues,
  }
}
