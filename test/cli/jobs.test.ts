import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { type Machine, newMachine } from './command-line.ts'

let machine: Machine
let service: LocalService
beforeAll(async () => {
  machine = newMachine(['iris'])
  service = await startLocalService()
})
afterAll(async () => {
  await service.stop()
  machine[Symbol.dispose]()
})
const there = () => ['--url', service.url, '--key', service.key]

describe('percall jobs', () => {
  it('puts a call off, waits for it, prints its answer, and lists it', async () => {
    const asked = await machine.run(['predict', 'iris', '--sample', '--async', ...there()])
    expect([asked.code, asked.stderr]).toEqual([0, ''])
    const id = asked.stdout.trim()
    const waited = await machine.run(['jobs', 'wait', id, ...there()])
    expect([waited.code, waited.stderr]).toEqual([0, ''])
    expect(JSON.parse(waited.stdout)).toMatchObject({ model: 'iris', version: '1' })
    const file = join(machine.home, '../answer.json')
    const kept = await machine.run(['jobs', 'wait', id, '-o', file, ...there()])
    expect([kept.code, readFileSync(file, 'utf8')]).toEqual([0, waited.stdout])
    const shown = await machine.run(['jobs', 'show', id, ...there()])
    expect(shown.stdout).toBe(`${id} iris@1, succeeded, cost 0 micros\n`)
    const listed = await machine.run(['jobs', 'list', '--json', ...there()])
    expect(JSON.parse(listed.stdout).data).toMatchObject([{ id, state: 'succeeded' }])
    const late = await machine.run(['jobs', 'cancel', id, ...there()])
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('job_ended')])
  }, 90_000)

  it('waits by itself for a heavy model that nobody holds ready', async () => {
    const { openJobs } = service.services
    const { manifest } = service.services.catalog.find('iris')
    Object.assign(manifest, { heavy: true })
    try {
      expect(await (await openJobs()).warmth.isWarm('iris@1')).toBe(false)
      const { code, stdout } = await machine.run(['predict', 'iris', '--sample', ...there()])
      expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ model: 'iris' })])
      expect(await (await openJobs()).warmth.isWarm('iris@1')).toBe(true)
    } finally {
      Object.assign(manifest, { heavy: false })
    }
  })

  it('says that there are none, in its own process', async () => {
    expect(await machine.run(['jobs', 'list'])).toMatchObject({ code: 0, stdout: 'No jobs yet.\n' })
  })

  it('wants a server where a call is to be answered later', async () => {
    const { code, stderr } = await machine.run(['predict', 'iris', '--sample', '--async'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('--async belongs to --url')])
  })
})
