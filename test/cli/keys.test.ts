import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseApiKey } from '#shared/access/api-key.ts'
import { type Machine, newMachine } from './command-line.ts'

let machine: Machine
beforeEach(() => {
  machine = newMachine([])
})
afterEach(() => machine[Symbol.dispose]())

const create = async (...words: string[]) => {
  const { stdout } = await machine.run(['keys', 'create', '--json', ...words])
  return JSON.parse(stdout) as { key: string; id: string; created_at: string; expires_at: string }
}
const list = async () =>
  JSON.parse((await machine.run(['keys', 'list', '--json'])).stdout) as { keys: object[] }

describe('percall keys', () => {
  it('prints the key alone on standard output, and the warning beside it', async () => {
    const { code, stdout, stderr } = await machine.run(['keys', 'create', '--name', 'laptop'])
    expect(code).toBe(0)
    expect(parseApiKey(stdout.trim()).mode).toBe('live')
    expect(stderr).toContain('cannot be shown again')
  })

  it('gives scopes, mode and expiry as asked', async () => {
    const words = [
      '--name',
      'ci',
      '--mode',
      'test',
      '--scope',
      'predict',
      '--expires-in-days',
      '30',
    ]
    const made = await create(...words)
    expect(made).toMatchObject({ name: 'ci', mode: 'test', scopes: ['predict'], revoked_at: null })
    expect(parseApiKey(made.key)).toEqual({ id: made.id, mode: 'test' })
    const days = (Date.parse(made.expires_at) - Date.parse(made.created_at)) / 86_400_000
    expect(days).toBe(30)
  })

  it('shows the text of a key once, and keeps it nowhere', async () => {
    const { key, id } = await create('--name', 'laptop')
    const table = await machine.run(['keys', 'list'])
    const json = await machine.run(['keys', 'list', '--json'])
    expect(table.stdout).toContain(id)
    const secret = key.slice(key.indexOf(id) + id.length)
    const files = readdirSync(machine.home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name)))
    expect(files.some((bytes) => bytes.includes(id))).toBe(true)
    for (const written of [table.stdout, json.stdout, ...files]) {
      expect(written.includes(secret)).toBe(false)
    }
  })

  it('lists keys with what they allow, oldest first', async () => {
    expect((await machine.run(['keys', 'list'])).stdout).toContain('percall keys create')
    const first = await create('--name', 'first')
    const second = await create('--name', 'second', '--mode', 'test')
    expect(await list()).toMatchObject({
      keys: [
        { id: first.id, name: 'first', mode: 'live', scopes: ['predict', 'models:read'] },
        { id: second.id, name: 'second', mode: 'test' },
      ],
    })
    expect(Object.keys((await list()).keys[0] ?? {})).not.toContain('hash')
  })

  it('revokes a key, and again without complaint', async () => {
    const { id } = await create('--name', 'laptop')
    const { code, stdout } = await machine.run(['keys', 'revoke', id])
    expect(code).toBe(0)
    expect(stdout).toContain(`${id} (laptop) is revoked`)
    const once = await list()
    expect(once.keys).toMatchObject([{ id, revoked_at: expect.any(String) }])
    expect((await machine.run(['keys', 'revoke', id])).code).toBe(0)
    expect(await list()).toEqual(once)
    expect((await machine.run(['keys', 'list'])).stdout).toMatch(/laptop +live +revoked/)
  })

  it('binds a key to addresses, shows them and takes them away', async () => {
    const from = ['203.0.113.0/24', '2001:db8::7']
    const { id } = await create('--name', 'backend', '--allow-ip', ...from)
    expect(await list()).toMatchObject({ keys: [{ id, allowed_ips: from }] })
    expect((await machine.run(['keys', 'list'])).stdout).toContain(`only from ${from.join(' ')}`)
    const limited = await machine.run(['keys', 'limit', id, '--allow-ip', '203.0.113.7', '--json'])
    expect(JSON.parse(limited.stdout)).toMatchObject({ allowed_ips: ['203.0.113.7'] })
    const bad = await machine.run(['keys', 'limit', id, '--allow-ip', '203.0.113.0/33'])
    expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining('parameter_invalid') })
    const none = await machine.run(['keys', 'limit', id, '--none', '--json'])
    expect(JSON.parse(none.stdout)).toMatchObject({ allowed_ips: null })
  })

  it('shows which keys need the pepper that was set aside', async () => {
    await create('--name', 'before')
    renameSync(join(machine.home, 'pepper'), join(machine.home, 'pepper.old'))
    const { id } = await create('--name', 'after')
    const table = await machine.run(['keys', 'list'])
    expect(table.stdout).toMatch(/before +live +active, old pepper/)
    expect(table.stdout).toMatch(/after +live +active +/)
    const { keys } = (await list()) as { keys: { id: string; pepper_id: string }[] }
    const [before, after] = keys.map(({ pepper_id }) => pepper_id)
    expect([keys[1]?.id, before === after]).toEqual([id, false])
  })

  it('fails on an id that no key has, and on a name that is none', async () => {
    const revoke = await machine.run(['keys', 'revoke', 'AAAAAAAA'])
    expect(revoke).toMatchObject({ code: 1, stderr: expect.stringContaining('key_not_found') })
    const named = await machine.run(['keys', 'create', '--name', ' '])
    expect(named).toMatchObject({ code: 1, stderr: expect.stringContaining('parameter_invalid') })
    expect(named.stderr).toContain('A name has 1 to 64')
  })

  it('says why the key store cannot be opened', async () => {
    const env = { PERCALL_KEYS: join(import.meta.dirname, 'keys.test.ts') }
    const { code, stderr } = await machine.run(['keys', 'list'], { env })
    expect(code).toBe(1)
    expect(stderr).toContain('store_unavailable')
    expect(stderr).toContain('not a database')
  })
})
