import type { StoredObject } from '#shared/batch/object-store.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Actor } from '#test/simulator/scheduler.ts'
import { pricePerRecord } from './batch-witness.ts'
import type { WorkerOptions } from './simulated-workers.ts'
import { endMs, start } from './simulated-world.ts'

const tenant = 'acme'

/** Puts the file where it starts a job, and tells of it as often as the scenario says, or orders it. */
export async function dropFile({ code, world }: WorkerOptions): Promise<void> {
  const { scenario, stores, scheduler, state, random, newActor, servicesOf, surely } = world
  const { event } = scenario
  const isOrdered = event.kind === 'cap' || event.kind === 'expire'
  const key = isOrdered ? 'uploads/acme/input.jsonl' : incomingKey
  await stores.ledger.putAccount({
    tenant,
    currency: 'USD',
    mode: event.kind === 'credit' ? 'prepaid' : 'postpaid',
    limits: {},
  })
  if (event.kind === 'credit' && event.records > 0) {
    await stores.ledger.post(topUp('first', BigInt(event.records) * pricePerRecord, start))
  }
  await stores.objects.put(key, Buffer.from(scenario.input))
  const object = await stores.objects.head(key)
  const tellings = Math.max(isOrdered ? 1 : 0, scenario.tellings)
  state.untold = tellings
  for (let telling = 0; telling < tellings; telling += 1) {
    const actor = newActor('e')
    scheduler.start(actor, telling === 0 ? 0 : random.integer(0, 60_000), async () => {
      const services = servicesOf(actor)
      await surely(actor, async () => {
        if (isOrdered && object) await code.orderJob(orderOf(object, world), services)
        else await code.receiveObject(key, services)
      })
      state.untold -= 1
    })
  }
}

/** The customer, who changes his mind, and mends what makes his job wait. */
export async function live(actor: Actor, { code, world }: WorkerOptions): Promise<void> {
  const { scenario, stores, scheduler, state, isOver, servicesOf, surely, log } = world
  const { event } = scenario
  const services = servicesOf(actor)
  const latestJob = () =>
    surely(actor, async () => (await services.jobs.list({ tenant, limit: 1 })).jobs[0])
  await waitForEvent(actor, world)
  const job = await latestJob()
  log(actor.name, () => `EVENT ${event.kind}`)
  if (event.kind === 'cancel' && job) await surely(actor, () => code.cancelJob(job, services))
  if (event.kind === 'overwrite') await stores.objects.put(incomingKey, Buffer.from('"other"\n'))
  if (event.kind === 'remove') await stores.objects.remove(incomingKey)
  if (event.kind === 'lose' && job) await losePart(job.id, world)
  if (event.kind === 'revoke') state.mayBegin = false
  for (let tries = 0; !isOver() && tries * 60_000 < endMs; tries += 1) {
    await scheduler.pause(actor, 60_000)
    const current = await latestJob()
    state.mayBegin = true
    if (current?.state !== 'paused') continue
    if (event.kind === 'credit') {
      await stores.ledger.post(topUp(`later-${tries}`, 10_000n, scheduler.now()))
    }
    // Nothing helps a job whose own cap is too small: that one is cancelled in the end.
    const manage = event.kind === 'cap' && tries > 5 ? code.cancelJob : code.resumeJob
    await surely(actor, () => manage(current, services)).catch((thrown) => {
      if (!(thrown instanceof ServiceError) || thrown.code !== 'job_not_paused') throw thrown
    })
  }
}

/** Somebody deletes a part that was paid for, or writes over it. */
async function losePart(jobId: string, { stores, random }: WorkerOptions['world']): Promise<void> {
  const [report] = await stores.jobs.reports(jobId, 0, 1)
  if (!report) return
  const { key } = report.part
  const part = await stores.objects.head(key)
  if (!part || random.chance(0.5)) return stores.objects.remove(key)
  const text = (await readAll(stores.objects.read(part))).toString()
  const wrong = text.replace(/\d/, (digit) => String(9 - Number(digit)))
  await stores.objects.put(key, Buffer.from(wrong))
}

/** At some time, or when so many chunks are done: then most can go wrong. */
async function waitForEvent(
  actor: Actor,
  { scenario, scheduler, witness, random }: WorkerOptions['world'],
) {
  const { eventAfterChunks = 0, eventMs, weather } = scenario
  await scheduler.pause(actor, eventAfterChunks > 0 ? 0 : eventMs)
  for (let waits = 0; waits < 2_000 && witness.chunksDone() < eventAfterChunks; waits += 1) {
    await scheduler.pause(actor, 100)
  }
  if (eventAfterChunks > 0) await scheduler.pause(actor, random.integer(0, weather.delayMs))
}

const incomingKey = 'incoming/acme/iris/input.jsonl'

const orderOf = (
  object: StoredObject,
  { scenario: { event, eventMs } }: WorkerOptions['world'],
) => ({
  tenant,
  keyId: 'k',
  project: undefined,
  parties: [],
  free: false,
  input: { kind: 'object', object, format: 'auto' } as const,
  model: 'iris',
  parameters: {},
  records: { kind: 'input' } as const,
  output: { format: 'jsonl', join: false } as const,
  maxCharge: event.kind === 'cap' ? BigInt(event.records) * pricePerRecord : undefined,
  expiresAt: event.kind === 'expire' ? start + eventMs : undefined,
  identity: [object.key, object.version],
})

const topUp = (id: string, amount: bigint, at: number) => ({
  tenant: 'acme',
  id,
  type: 'topup' as const,
  amount,
  currency: 'USD' as const,
  at,
  sale: undefined,
  units: {},
  reference: undefined,
  creditExpiresAt: undefined,
})
