import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { JobAnswer } from '#shared/cli/batch-client.ts'
import type { useHost } from './client.ts'
import { newTenant } from './new-tenant.ts'

type Client = ReturnType<typeof useHost>
type Job = Omit<JobAnswer, 'cost_micros'> & { readonly cost_micros: number }

export type BatchCustomer = Awaited<ReturnType<typeof newBatchCustomer>>

/** A tenant of its own that has files scored. */
export async function newBatchCustomer(client: Client) {
  const acme = await newTenant(client, 100_000_000)
  const { tenant, ask, keyOf } = acme
  const authorization = `Bearer ${await keyOf(['predict'])}`
  const as = (headers: Record<string, string>) => ({
    async upload(content: string | Uint8Array<ArrayBuffer>, name: string): Promise<string> {
      const form = new FormData()
      form.append('purpose', 'batch')
      form.append('file', new Blob([content]), name)
      const { body, contentType } = await encodeForm(form)
      const sent = { ...headers, 'content-type': contentType }
      const { status, json } = await client.request('POST', '/v1/files', body, sent)
      expect(status).toBe(200)
      return (json as { id: string }).id
    },
    post: (path: string, body: unknown = {}, more: Record<string, string> = {}) =>
      client.post(path, body, { ...headers, ...more }),
    get: (path: string, more: Record<string, string> = {}) =>
      client.get(path, { ...headers, ...more }),
  })
  const own = as({ authorization })

  async function ended(id: string): Promise<Job> {
    for (;;) {
      const { json } = await own.get(`/v1/batch-jobs/${id}`)
      const job = json as Job
      const ends = ['published', 'paused', 'failed', 'cancelled', 'expired']
      if (ends.includes(job.state)) return job
      await sleep(20)
    }
  }
  return {
    ...own,
    authorization,
    tenant,
    ask,
    keyOf,
    as: (key: string) => as({ authorization: `Bearer ${key}` }),
    ended,
    async order(body: object, headers: Record<string, string> = {}): Promise<Job> {
      const answer = await own.post('/v1/batch-jobs', body, headers)
      expect([answer.status, answer.json]).toMatchObject([202, { object: 'batch_job' }])
      return answer.json as Job
    },
    /** Puts an object into the store, under a place of the tenant. */
    async put(path: string, content: string | Uint8Array): Promise<string> {
      const { objects } = client.host
      if (!objects) throw new Error('This host shows no store of objects.')
      const key = path.replace('{tenant}', tenant)
      await objects.put(key, Buffer.from(content as string))
      return key
    },
    /** An output, whose digest is the one that the job tells. */
    async output({ id, outputs }: Job, name: 'results' | 'errors' | 'manifest'): Promise<Buffer> {
      const { status, body } = await own.get(`/v1/batch-jobs/${id}/${name}`)
      expect(status).toBe(200)
      const told = outputs.find((one) => one.name === name)
      const sha256 = createHash('sha256').update(body).digest('hex')
      expect({ sha256, size_bytes: body.length }).toEqual({
        sha256: told?.sha256,
        size_bytes: told?.size_bytes,
      })
      return Buffer.from(body)
    },
    /** What the ledger says was charged. */
    async charged(): Promise<number> {
      const { members } = await ask('GET', '/v1/ledger?type=charge')
      return members.data.reduce((sum, { amount_micros }) => sum + amount_micros, 0)
    },
  }
}

export async function encodeForm(form: FormData) {
  const encoded = new Response(form)
  return {
    body: new Uint8Array(await encoded.arrayBuffer()),
    contentType: encoded.headers.get('content-type') ?? '',
  }
}

export const linesOf = (bytes: Uint8Array) =>
  Buffer.from(bytes)
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
