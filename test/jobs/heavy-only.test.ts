import { expect, onTestFinished, test } from 'vitest'
import { startJobs } from '#shared/endpoints/local-jobs.ts'
import { servingEndpoint } from '#shared/endpoints/serving-endpoint.ts'
import { openJobWorld } from './job-world.ts'

test('a container beside functions runs heavy calls, and leaves the other queues to them', async () => {
  const world = await openJobWorld({ heavy: true })
  const { services } = world
  const jobs = await services.openJobs()
  const alice = await world.tenantOf('alice')
  const id = await alice.submit()
  await jobs.queues.light.send([{ body: '{}', group: 'others' }])
  await jobs.queues.webhook.send([{ body: '{}', group: 'others' }])
  const stop = startJobs(jobs, {
    endpoint: servingEndpoint(services),
    keyStore: services.keyStore,
    logger: services.logger,
    concurrency: 1,
    heavyOnly: true,
  })
  onTestFinished(async () => {
    await stop()
    await world.close()
  })
  await expect.poll(async () => (await alice.job(id)).state, { timeout: 15_000 }).toBe('succeeded')
  for (const queue of [jobs.queues.light, jobs.queues.webhook]) {
    expect(await queue.receive({ limit: 10, visibilityMs: 1_000 })).toMatchObject([{ receives: 1 }])
  }
})
