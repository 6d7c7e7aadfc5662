import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import type { Delivery } from '#shared/batch/queue.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { createJobWorker } from '#shared/endpoints/job-worker.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { localServices } from '#shared/endpoints/local-services.ts'
import { servingEndpoint } from '#shared/endpoints/serving-endpoint.ts'
import type { Lane } from '#shared/jobs/deferred-call.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import type { AccountSettings } from '#shared/metering/ledger.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'

export const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }
export const visibilityMs = 30_000

export interface JobWorldOptions {
  /** Where the stores are, if not in a home of their own. */
  readonly variables?: Readonly<Record<string, string>>
  /** Removed at the end; another process may have died in it. */
  readonly home?: string
  /** Whether the model iris is one of the heavy ones. */
  readonly heavy?: boolean
  /** What the services of jobs are for the workers. */
  readonly weather?: (jobs: JobServices) => JobServices
}

export interface Answer extends HttpResponse {
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: answers of many routes
  readonly json: any
}

/** The service of one machine, of which nobody works off any queue but the test. */
export async function openJobWorld({
  variables = {},
  home = mkdtempSync(join(tmpdir(), 'percall-jobs-')),
  heavy = false,
  weather = (jobs) => jobs,
}: JobWorldOptions = {}) {
  const environment = readEnvironment({
    PERCALL_HOME: home,
    PERCALL_MODELS: modelsIn(home, heavy),
    PERCALL_LOG: 'silent',
    PERCALL_WEBHOOKS: 'local',
    ...variables,
  })
  const services = await localServices({ environment, runner: 'inline' })
  const { ledger, keyStore, pepper, runner } = services
  for (const { manifest, folder } of services.catalog.list()) {
    const { artifact } = manifest
    await publishArtifact(services.artifacts, artifact, { folder, file: artifact.file ?? '' })
  }
  const state = { asked: 0, runs: 0, beforeRun: async () => {} }
  const watched = {
    ...services,
    runner: {
      ...runner,
      async predict(...asked: Parameters<typeof runner.predict>) {
        state.runs += 1
        await state.beforeRun()
        return runner.predict(...asked)
      },
    },
  }
  const jobs = await services.openJobs()
  const endpoint = localEndpoint(watched)
  const serving = servingEndpoint(watched)
  const handle = createJobWorker({
    openJobs: async () => weather(jobs),
    endpoint(request) {
      state.asked += 1
      return serving(request)
    },
    keyStore,
    logger: services.logger,
  })

  async function tenantOf(name: string, account: Partial<AccountSettings> = {}) {
    const settings = { tenant: name, currency: 'USD', mode: 'postpaid', limits: {} } as const
    await ledger.putAccount({ ...settings, ...account })
    const manager = createKeyManager({ keyStore, pepper, tenant: name })
    const keyOf = (scopes: string[], more: object = {}) =>
      manager.create({ name: 'test', mode: 'live', ...more, scopes })
    const made = await keyOf(['predict', 'account:read', 'account:write'])
    const as =
      (key: string) =>
      async (
        method: string,
        path: string,
        body?: unknown,
        headers: Record<string, string> = {},
      ): Promise<Answer> => {
        const answer = await endpoint({
          method,
          path,
          query: {},
          headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
          body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
          sourceIp: '203.0.113.7',
        })
        const text = Buffer.from(answer.body).toString()
        return { ...answer, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
      }
    const ask = as(made.key)
    return {
      name,
      keyId: made.summary.id,
      revoke: () => manager.revoke(made.summary.id),
      keyOf,
      as,
      ask,
      /** Puts a call off; the id of its job. */
      async submit(headers: Record<string, string> = {}, body: unknown = iris): Promise<string> {
        const path = '/v1/models/iris/predict'
        const { status, text, json } = await ask('POST', path, body, {
          prefer: 'respond-async',
          ...headers,
        })
        if (status !== 202) throw new Error(text)
        return json.id
      },
      job: async (id: string) => (await ask('GET', `/v1/jobs/${id}`)).json,
      result: (id: string) => ask('GET', `/v1/jobs/${id}/result`),
      async charges() {
        const { entries } = await ledger.entries({ tenant: name, from: 0, to: 9e15, limit: 1_000 })
        return entries.filter(({ type }) => type === 'charge')
      },
      account: () => ledger.account(name),
    }
  }

  const receive = (lane: Lane = 'light', limit = 10): Promise<Delivery[]> =>
    jobs.queues[lane].receive({ limit, visibilityMs })

  /** One message, as a consumer handles it. */
  async function work(delivery: Delivery, lane: Lane = 'light') {
    const queue = jobs.queues[lane]
    try {
      const handled = await handle(delivery.body, delivery.receives)
      if (handled === 'done') await queue.remove(delivery)
      else await queue.hide(delivery, handled.againAfterMs)
      return handled
    } catch (cause) {
      await queue.hide(delivery, 1_000)
      return cause
    }
  }

  return {
    home,
    services,
    jobs,
    state,
    endpoint,
    tenantOf,
    receive,
    work,
    /** Works off whatever can be received now, one after the other. */
    async workOff(lane: Lane = 'light'): Promise<void> {
      for (;;) {
        const [delivery] = await receive(lane, 1)
        if (!delivery) return
        await work(delivery, lane)
      }
    },
    async close({ keep = false } = {}) {
      await services.close()
      if (!keep) rmSync(home, { recursive: true, force: true })
    },
  }
}

export type JobWorld = Awaited<ReturnType<typeof openJobWorld>>
export type JobTenant = Awaited<ReturnType<JobWorld['tenantOf']>>

/** The model iris and the price book, in the home. */
function modelsIn(home: string, heavy: boolean): string {
  const models = join(home, 'models')
  mkdirSync(models, { recursive: true })
  for (const name of ['iris', 'price-book.json']) {
    cpSync(join('models', name), join(models, name), { recursive: true })
  }
  const file = join(models, 'iris', 'manifest.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  // A worker that dies is followed soon, however long a model may take.
  const limits = { ...manifest.limits, timeoutMs: 600_000 }
  writeFileSync(file, JSON.stringify({ ...manifest, limits, heavy }))
  return models
}
