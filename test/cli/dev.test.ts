import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Machine, newMachine, type RunOptions } from './command-line.ts'

let machine: Machine
beforeEach(() => {
  machine = newMachine()
})
afterEach(() => machine[Symbol.dispose]())

async function startDev(options: RunOptions = {}) {
  const command = machine.start(['dev'], options)
  const [, url = '', key = ''] = await command.output(/url +(http\S+)\n +key +(\S+)/)
  return { ...command, url, key }
}

const body = JSON.stringify({ inputs: [5.1, 3.5, 1.4, 0.2] })
const ask = (url: string, key: string) =>
  fetch(`${url}/v1/models/iris/predict`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body,
  })

describe('percall dev', () => {
  it('answers a call with the key that it prints, and pulls the model then', async () => {
    const dev = await startDev()
    const response = await ask(dev.url, dev.key)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      model: 'iris',
      outputs: [{ label: 'setosa' }, {}, {}],
    })
    await dev.output(/pulled iris@1, 6\.0 kB\n/)
    expect((await ask(dev.url, `${dev.key}x`)).status).toBe(401)
  })

  it('prints one line that a shell can run', async () => {
    const dev = await startDev()
    const [line] = await dev.output(/^curl .*$/m)
    expect(line).toContain(dev.key)
    expect(line).toContain(`${dev.url}/v1/models/iris/predict`)
    const sent = /-d '(.*?)'/.exec(line)?.[1] ?? ''
    expect(JSON.parse(sent)).toEqual({ inputs: [[5.1, 3.5, 1.4, 0.2]] })
  })

  it('publishes at the first start, and keeps its key for the next', async () => {
    const first = await startDev()
    await first.output(/published 2 model files to directory /)
    const path = join(machine.home, 'development-key')
    expect(readFileSync(path, 'utf8')).toBe(`${first.key}\n`)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    first.child.kill('SIGTERM')
    expect(await first.exit).toBe(0)

    const second = await startDev()
    expect(second.key).toBe(first.key)
    await second.output(/Try it/)
    expect(second.written()).not.toContain('published')
    // Nothing is pulled before it is called.
    expect(existsSync(join(machine.home, 'cache'))).toBe(false)
    expect((await ask(second.url, second.key)).status).toBe(200)
  })

  it('makes another key where its own was revoked', async () => {
    const first = await startDev()
    first.child.kill('SIGTERM')
    await first.exit
    await machine.run(['keys', 'revoke', first.key.slice('pc_test_'.length, 'pc_test_'.length + 8)])
    const second = await startDev()
    expect(second.key).not.toBe(first.key)
    expect((await ask(second.url, second.key)).status).toBe(200)
  })

  it('accepts the key of PERCALL_DEV_KEY, and makes none', async () => {
    const dev = await startDev({ env: { PERCALL_DEV_KEY: 'a-key-of-my-own-1' } })
    expect(dev.key).toBe('a-key-of-my-own-1')
    await dev.output(/\(from PERCALL_DEV_KEY\)/)
    expect((await ask(dev.url, dev.key)).status).toBe(200)
    const { stdout } = await machine.run(['keys', 'list', '--json'])
    expect(JSON.parse(stdout)).toEqual({ keys: [] })
  })

  it('says what keeps it from listening, and how to go on', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const { code, stderr } = await machine.run(['dev', '--port', String(port)])
    other.close()
    expect(code).toBe(1)
    expect(stderr).toContain(`Port ${port} of 127.0.0.1 is in use by another process.`)
    expect(stderr).toContain(`percall dev --port ${port + 1}`)
  })

  it('serves the other models where the file of one is spoilt', async () => {
    const env = { PERCALL_LOG: 'silent' }
    const file = join(machine.models, 'language-id/model.int8.onnx')
    writeFileSync(file, 'spoilt')
    const dev = await startDev({ env })
    await dev.output(/artifact_digest_mismatch/)
    expect((await ask(dev.url, dev.key)).status).toBe(200)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'lets a call under way end at %s, and exits with 0',
    async (signal) => {
      const dev = await startDev()
      const call = underWay(dev.url, dev.key)
      await call.accepted
      dev.child.kill(signal)
      await dev.output(/Stopping/)
      call.finish()
      expect(await call.answer).toMatchObject({
        status: 200,
        body: expect.stringContaining('setosa'),
      })
      expect(await dev.exit).toBe(0)
      await dev.output(/Stopped\./)
    },
  )

  it('does not wait for calls when it is told to stop again', async () => {
    const dev = await startDev()
    const call = underWay(dev.url, dev.key)
    await call.accepted
    // As an impatient person would: an echo of the first signal, as npm sends it, does not count.
    const impatience = setInterval(() => dev.child.kill('SIGINT'), 50)
    expect(await dev.exit).toBe(1)
    clearInterval(impatience)
    await expect(call.answer).rejects.toThrow('socket hang up')
  })
})

/** A call whose head the server has read, and whose body is still to come. */
function underWay(url: string, key: string) {
  const outgoing = request(`${url}/v1/models/iris/predict`, {
    method: 'POST',
    headers: {
      'x-api-key': key,
      'content-type': 'application/json',
      'content-length': body.length,
      expect: '100-continue',
    },
  })
  const accepted = new Promise<void>((resolve) => outgoing.once('continue', () => resolve()))
  const answer = new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    outgoing.once('error', reject)
    outgoing.once('response', (incoming) => {
      text(incoming).then((body) => resolve({ status: incoming.statusCode, body }), reject)
    })
  })
  // Looked at later; until then a failure must not count as nobody's.
  answer.catch(() => undefined)
  outgoing.flushHeaders()
  return { accepted, answer, finish: () => outgoing.end(body) }
}
