import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type ExportSecrets, readExports } from '#shared/exporters/read-exports.ts'
import { start } from './exporter-samples.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-exports-'))
const file = join(directory, 'exports.json')
afterAll(() => rmSync(directory, { recursive: true }))

const secrets: ExportSecrets = {
  stripeApiKey: 'sk_test_1',
  eventsSecret: `whsec_${Buffer.alloc(24).toString('base64')}`,
  awsCredentials: () => ({ accessKeyId: 'a', secretAccessKey: 'b' }),
}
const read = (content: unknown, changes: Partial<ExportSecrets> = {}) => {
  writeFileSync(file, JSON.stringify(content))
  return readExports(file, { ...secrets, ...changes })
}
const meters = { percall_calls: 'calls' }
const since = '2026-11-23T00:00:00Z'

test('reads who is told what', () => {
  const exports = read({
    stripe: { meters, customers: { acme: { id: 'cus_1', since } } },
    marketplace: {
      region: 'us-east-1',
      meters: { Micros: 'micros' },
      customers: { acme: { id: '111122223333 arn:aws:license-manager::1:license:l-1' } },
    },
    cloudEvents: { url: 'https://events.test/', source: 'percall', dedupeHours: 24, meters },
  })
  const [stripe, marketplace, events] = exports
  expect(exports.map(({ sink }) => sink.name)).toEqual(['stripe', 'marketplace', 'cloud-events'])
  expect(stripe?.meters).toEqual([{ name: 'percall_calls', measure: 'calls' }])
  expect(stripe?.customerOf('acme')).toEqual({ id: 'cus_1', since: start })
  expect(stripe?.customerOf('toString')).toBeUndefined()
  expect(marketplace?.customerOf('other')).toBeUndefined()
  expect(events?.customerOf('anybody')).toEqual({ id: 'anybody' })
  expect(events?.sink.dedupeWindowMs).toBe(24 * 60 * 60 * 1_000)
})

test('reads an empty file as nobody being told anything', () => {
  expect(read({})).toEqual([])
})

test.each([
  ['an unknown sink', { paypal: {} }, 'paypal'],
  ['an unknown measure', { stripe: { meters: { a: 'apples' }, customers: {} } }, 'stripe.meters.a'],
  [
    'a customer of another kind',
    { stripe: { meters, customers: { acme: { id: '1' } } } },
    'stripe.customers.acme',
  ],
  [
    'a marketplace customer without license or product',
    { marketplace: { region: 'r', meters, customers: { acme: { id: '111122223333' } } } },
    'product code',
  ],
])('refuses %s, and says where', (_, content, place) => {
  expect(() => read(content)).toThrow(place)
})

test('says which secret is missing', () => {
  const stripe = { meters, customers: {} }
  expect(() => read({ stripe }, { stripeApiKey: undefined })).toThrow('Stripe needs its API key')
  const cloudEvents = { url: 'https://events.test/', source: 'percall', meters }
  expect(() => read({ cloudEvents }, { eventsSecret: undefined })).toThrow('secret')
})
