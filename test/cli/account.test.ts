import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sparkline } from '#shared/cli/sparkline.ts'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { fail, sell } from '#test/account/account-ledger.ts'
import { type Machine, newMachine } from './command-line.ts'

let machine: Machine
beforeAll(() => {
  machine = newMachine(['iris'])
})
afterAll(() => machine[Symbol.dispose]())

const run = (...words: string[]) => machine.run(words)
const json = async (...words: string[]) => {
  const { stdout, stderr } = await run(...words, '--json')
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}
const month = new Date().toISOString().slice(0, 7)
const ledgerFile = () => join(machine.home, 'ledger.sqlite')

/** Two calls that were sold, for 1,000 and 2,500 micros, and one that failed. */
async function call(): Promise<void> {
  const ledger = createSqliteLedger({ path: ledgerFile() })
  const now = Date.now()
  const reservation = { now, leaseUntil: now + 30_000 }
  await sell(ledger, 'default', { charge: 1_000n, units: { calls: 1, rows: 2 }, now }, reservation)
  await sell(ledger, 'default', { charge: 2_500n, now }, reservation)
  await fail(ledger, 'default', { now })
  await ledger.close()
}

describe('percall credits', () => {
  it('credits a payment once, and tells the balance', async () => {
    const words = ['credits', 'add', '12.50', '--payment-id', 'p-1']
    const first = await run(...words)
    expect(first.stdout).toContain('12.50 USD is credited (topup-p-1)')
    expect(first.code).toBe(0)
    const again = await json(...words)
    expect(again).toMatchObject({ repeated: true, account: { available_micros: 12_500_000 } })
    const other = await run('credits', 'add', '13', '--payment-id', 'p-1')
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('idempotency_key_reused'),
    })
    expect((await run('credits', 'list')).stdout).toMatch(/12\.50 USD available(.|\n)*topup-p-1/)
  })

  it.each([['-5'], ['0.0000001'], ['1e3'], ['five'], ['+5']])(
    'does not take %s for money',
    async (amount) => {
      const { code } = await run('credits', 'add', '--payment-id', 'p-2', '--', amount)
      expect(code).toBe(2)
    },
  )

  it('refuses nothing, and another currency', async () => {
    const none = await run('credits', 'add', '0', '--payment-id', 'p-3')
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('amount_invalid') })
    const euros = await run('credits', 'add', '5', '--payment-id', 'p-4', '--currency', 'EUR')
    expect(euros).toMatchObject({ code: 1, stderr: expect.stringContaining('currency_mismatch') })
    expect((await json('credits', 'list')).available_micros).toBe(12_500_000)
  })
})

describe('percall usage and invoice', () => {
  beforeAll(call)

  it('shows what was called, by model and status', async () => {
    const { stdout } = await run('usage')
    expect(stdout).toMatch(/iris@1 +charged +2 +2 +0\.0035/)
    expect(stdout).toMatch(/iris@1 +failed +1 +0 +0\.00/)
    expect((await json('usage', '--bucket', '1d', '--group-by', 'key')).data).toMatchObject([
      { key: 'key-1', calls: 3, amount_micros: 3_500 },
    ])
    expect((await run('usage', '--to', '2020-01-02', '--from', '2020-01-01')).stdout).toContain(
      'No calls',
    )
  })

  it('shows an invoice that verifies as CSV and JSON, offline', async () => {
    const shown = await run('invoice', 'show')
    expect(shown.stdout).toMatch(/Due 0\.0035 USD/)
    for (const format of ['csv', 'json']) {
      const { stdout } = await run('invoice', 'show', month, '--format', format)
      const file = join(machine.home, `invoice.${format}`)
      writeFileSync(file, stdout)
      const offline = { env: { PERCALL_HOME: '/nowhere/at/all' } }
      const { code, stdout: verdict } = await machine.run(['invoice', 'verify', file], offline)
      expect([code, verdict]).toEqual([0, expect.stringContaining('3 entries, 0.0035 USD due')])
      const { head } = await json('invoice', 'verify', file)
      expect((await run('invoice', 'verify', file, '--head', head)).code).toBe(0)
      expect((await run('invoice', 'verify', file, '--head', 'another')).code).toBe(1)
    }
  })

  it.each(['2026-13', '2026-00', 'november'])('does not take %s for a month', async (word) => {
    const { code, stderr } = await run('invoice', 'show', word)
    expect([code, stderr]).toEqual([2, expect.stringContaining('2026-11')])
  })

  it('names the line of a file that was altered', async () => {
    const file = join(machine.home, 'altered.csv')
    const { stdout } = await run('invoice', 'show', '--format', 'csv')
    writeFileSync(file, stdout.replace(',charge,2500,', ',charge,2400,'))
    const line = readFileSync(file, 'utf8')
      .split('\r\n')
      .findIndex((text) => text.includes(',2400,'))
    const { code, stderr } = await run('invoice', 'verify', file)
    expect([code, stderr]).toEqual([1, expect.stringContaining(`line ${line + 1}: `)])
    expect((await run('invoice', 'verify', join(machine.home, 'none.csv'))).code).toBe(1)
  })
})

describe('percall keys', () => {
  it('makes keys with limits, changes and rotates them', async () => {
    const words = ['--name', 'shop', '--project', 'web', '--model', 'iris', '--monthly-cap', '20']
    const made = await json('keys', 'create', ...words, '--calls-per-minute', '60')
    expect(made).toMatchObject({
      project: 'web',
      models: ['iris'],
      last_four: made.key.slice(-4),
      limits: { monthly_spend_micros: 20_000_000, rate: { per_minute: 60, burst: 60 } },
    })
    const limited = await json('keys', 'limit', made.id, '--calls-per-day', '5')
    expect(limited).toMatchObject({
      models: ['iris'],
      limits: { monthly_spend_micros: null, daily_calls: 5 },
    })
    const rotated = await json('keys', 'rotate', made.id, '--overlap-seconds', '60')
    expect(rotated).toMatchObject({ project: 'web', models: ['iris'], limits: { daily_calls: 5 } })
    expect(rotated.id).not.toBe(made.id)
    const free = await json('keys', 'limit', rotated.id, '--none')
    expect(free).toMatchObject({ models: null, limits: { daily_calls: null } })
    const list = await json('keys', 'list')
    expect(list.keys).toMatchObject([{ id: made.id, expires_at: expect.any(String) }, {}])
    expect((await run('keys', 'rotate', 'AAAAAAAA')).code).toBe(1)
  })
})

describe('percall keys of limits and of tenants', () => {
  it('lets a whole minute come at once, unless --burst says otherwise', async () => {
    const limits = ['--calls-per-minute', '600']
    const whole = await json('keys', 'create', '--name', 'whole', ...limits)
    expect(whole.limits.rate).toEqual({ per_minute: 600, burst: 600 })
    const few = await json('keys', 'limit', whole.id, ...limits, '--burst', '5')
    expect(few.limits.rate).toEqual({ per_minute: 600, burst: 5 })
    const alone = await run('keys', 'create', '--name', 'alone', '--burst', '5')
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--calls-per-minute')])
    expect((await run('keys', 'create', '--help')).stdout).toMatch(/--burst .*default: all/)
  })

  it('lists limits and models', async () => {
    const words = ['--monthly-cap', '20', '--calls-per-minute', '60', '--burst', '6']
    await run('keys', 'create', '--tenant', 'seen', '--name', 'shop', '--model', 'iris', ...words)
    await run('keys', 'create', '--tenant', 'seen', '--name', 'free')
    const { stdout } = await run('keys', 'list', '--tenant', 'seen')
    expect(stdout).toMatch(/shop .* iris +20\.00 a month; 60 a minute, 6 in a burst$/m)
    expect(stdout).toMatch(/free .* all +none$/m)
  })

  it('fails for a model that is not in the catalogue, and says which are', async () => {
    const failure = { code: 1, stderr: expect.stringMatching(/no model "nope"(.|\n)*: iris\./) }
    const made = ['keys', 'create', '--tenant', 'none', '--name', 'x', '--model', 'iris', 'nope']
    expect(await run(...made)).toMatchObject(failure)
    expect((await json('keys', 'list', '--tenant', 'none')).keys).toEqual([])
    const { id } = await json('keys', 'create', '--name', 'y')
    expect(await run('keys', 'limit', id, '--model', 'nope')).toMatchObject(failure)
  })

  it('keeps the keys of each tenant apart', async () => {
    const { id } = await json('keys', 'create', '--tenant', 'acme', '--name', 'first')
    const ids = async (...words: string[]) =>
      (await json('keys', 'list', ...words)).keys.map((key: { id: string }) => key.id)
    expect(await ids('--tenant', 'acme')).toEqual([id])
    expect(await ids()).not.toContain(id)
    for (const command of ['revoke', 'rotate', 'limit']) {
      expect((await run('keys', command, id)).stderr).toContain('key_not_found')
    }
    const limited = await json('keys', 'limit', id, '--tenant', 'acme', '--calls-per-day', '5')
    expect(limited.limits.daily_calls).toBe(5)
    expect((await json('keys', 'rotate', id, '--tenant', 'acme')).name).toBe('first')
    expect((await json('keys', 'revoke', id, '--tenant', 'acme')).revoked_at).not.toBeNull()
    expect((await run('keys', 'list', '--tenant', 'a b')).code).toBe(2)
  })
})

describe('a line of bars', () => {
  it('is as high as the numbers are', () => {
    expect(sparkline([0, 1, 4, 8])).toBe(' ▁▄█')
    expect(sparkline([0, 0])).toBe('  ')
    expect(sparkline([])).toBe('')
  })
})
