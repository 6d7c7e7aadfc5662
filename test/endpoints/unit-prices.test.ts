import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { verifyInvoice } from '#shared/account/verify-invoice.ts'
import { imageHeader } from '#shared/tasks/images/image-header.ts'
import { fresh, newTopUp } from '#test/metering/ledger-samples.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'

/** 7 micros a call, 3 a kilobyte, 11 a thousand pixels. */
const rates = { perCall: '7', perMegabyteIn: '3000', perMillionPixels: '11000' }
const image = Buffer.from(
  JSON.parse(readFileSync('models/faces/sample.json', 'utf8')).inputs as string,
  'base64',
)
const { width, height } = imageHeader(image)
const costOf = (bytes: number, pixels: number) =>
  Math.ceil((7_000_000 + 3_000 * bytes + 11_000 * pixels) / 1_000_000)

const models = mkdtempSync(join(tmpdir(), 'percall-models-'))
let service: LocalService
let headers: Record<string, string>

beforeAll(async () => {
  for (const name of ['faces', 'iris']) {
    cpSync(join('models', name), join(models, name), { recursive: true })
  }
  const price = { name: 'per-call', effectiveFrom: '2026-11-01', currency: 'USD', rates }
  writeFileSync(join(models, 'price-book.json'), JSON.stringify([price]))
  service = await startLocalService({ PERCALL_MODELS: models })
  const tenant = fresh('tenant')
  const { ledger, keyStore, pepper } = service.services
  await ledger.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {} })
  await ledger.post(newTopUp(tenant, 1_000_000n, { at: Date.now() }))
  const manager = createKeyManager({ keyStore, pepper, tenant })
  const { key } = await manager.create({ name: 'test', mode: 'live', scopes: ['admin'] })
  headers = { authorization: `Bearer ${key}` }
})
afterAll(async () => {
  await service.stop()
  rmSync(models, { recursive: true })
})

interface SentCall {
  readonly model: string
  readonly body: string | Uint8Array<ArrayBuffer>
  readonly type?: string
  readonly encoding?: string
}

const send = (path: string, { body, type = 'application/json', encoding }: SentCall) =>
  service.request(path, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': type,
      ...(encoding !== undefined && { 'content-encoding': encoding }),
    },
    body,
  })
const get = async (path: string) => {
  const response = await service.request(path, { headers })
  return response.json() as Promise<{ data: Record<string, unknown>[] } & Record<string, unknown>>
}

const base64 = image.toString('base64')
const spaced = JSON.stringify({ inputs: [base64, base64] }, null, 2)
const rows = JSON.stringify({ inputs: [[5.1, 3.5, 1.4, 0.2]] })
const calls: [string, SentCall, number][] = [
  ['a file', { model: 'faces', body: new Uint8Array(image), type: 'image/jpeg' }, 1],
  ['base64', { model: 'faces', body: JSON.stringify({ inputs: base64 }) }, 1],
  ['two images with spaces around', { model: 'faces', body: spaced }, 2],
  ['a compressed body', { model: 'faces', body: gzipSync(spaced), encoding: 'gzip' }, 2],
  ['no image', { model: 'iris', body: rows }, 0],
]

describe('a price by the byte and by the pixel', () => {
  test.each(calls)('of %s is estimated at what is charged', async (_, call, images) => {
    const estimate = await (await send(`/v1/estimate?model=${call.model}`, call)).json()
    const inputBytes = Buffer.from(call.body as string).length
    const pixels = images * width * height
    const cost = costOf(inputBytes, pixels)
    expect(estimate).toMatchObject({
      model: `${call.model}@1`,
      units: { calls: 1, input_bytes: inputBytes, pixels },
      amount_micros: cost,
      is_upper_bound: false,
    })
    const answer = await send(`/v1/models/${call.model}/predict`, call)
    expect([answer.status, answer.headers.get('x-cost-units')]).toEqual([200, String(cost)])
  })

  test('of inputs inside of another body is a bound, and of counted units exact', async () => {
    const units = { rows: 1, input_bytes: 2_000_001, pixels: 640 }
    const counted = await send('/v1/estimate', {
      model: 'faces',
      body: JSON.stringify({ model: 'faces', units }),
    })
    const exact = { amount_micros: costOf(2_000_001, 640), is_upper_bound: false }
    expect(await counted.json()).toMatchObject(exact)
    const body = JSON.stringify({ model: 'iris', ...JSON.parse(rows) })
    const wrapped = (await (await send('/v1/estimate', { model: 'iris', body })).json()) as never
    expect(wrapped).toMatchObject({ amount_micros: costOf(body.length, 0), is_upper_bound: true })
  })

  test('of tensors counts their bytes, and no pixels', async () => {
    const tensor = { name: 'features', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }
    const body = JSON.stringify({ inputs: [tensor] })
    const answer = await send('/v2/models/iris/infer', { model: 'iris', body })
    const cost = String(costOf(body.length, 0))
    expect([answer.status, answer.headers.get('x-cost-units')]).toEqual([200, cost])
  })

  test('of what is no image is refused, free, by estimate and call alike', async () => {
    const body = JSON.stringify({ inputs: Buffer.from('no image').toString('base64') })
    for (const path of ['/v1/estimate?model=faces', '/v1/models/faces/predict']) {
      const answer = await send(path, { model: 'faces', body })
      const { code } = (await answer.json()) as { code: string }
      expect([answer.status, code]).toEqual([415, 'image_type_unsupported'])
    }
    const nobody = await send('/v1/estimate?model=nobody', { model: 'nobody', body })
    expect(nobody.status).toBe(404)
  })

  test('adds up: usage, costs, ledger, exports and invoice have one sum', async () => {
    const charges = (await get('/v1/ledger?type=charge')).data
    const sum = (values: readonly unknown[]) =>
      values.reduce<number>((total, value) => total + Number(value), 0)
    const total = sum(charges.map(({ amount_micros }) => amount_micros))
    expect(charges).toHaveLength(calls.length + 1)
    const month = new Date().toISOString().slice(0, 7)
    const [usage, costs] = [await get('/v1/usage?group_by=model'), await get('/v1/costs')]
    const invoice = await service.request(`/v1/invoices/${month}?format=json`, { headers })
    const text = await invoice.text()
    const accept = 'application/vnd.apache.parquet'
    const exported = await service.request('/v1/ledger/export?type=charge', {
      headers: { ...headers, accept },
    })
    expect(exported.headers.get('content-type')).toBe(accept)
    const file = await parquetReadObjects({ file: await exported.arrayBuffer() })
    expect([
      usage.total_micros,
      costs.total_micros,
      JSON.parse(text).due_micros,
      sum(file.map((row) => row.amount_micros)),
      1_000_000 - Number((await get('/v1/credits')).available_micros),
    ]).toEqual([total, total, total, total, total])
    expect(verifyInvoice(text)).toMatchObject({ ok: true })
    for (const unit of ['input_bytes', 'pixels']) {
      const counted = sum(charges.map(({ units }) => (units as Record<string, number>)[unit] ?? 0))
      expect(counted).toBeGreaterThan(0)
      expect(sum(usage.data.map((row) => row[unit]))).toBe(counted)
      expect(sum(file.map((row) => row[unit] ?? 0))).toBe(counted)
    }
  })
})
