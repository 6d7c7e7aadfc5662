import { fork } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import {
  type KillableProcess,
  startKillableProcess,
  type TimeLimit,
} from '#shared/inference/killable-process.ts'
import { processUsage } from '#shared/inference/process-usage.ts'

vi.setConfig({ testTimeout: 60_000 })

const program = new URL('./killable-program.ts', import.meta.url)
const started: KillableProcess<string>[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const child of started) child.kill()
  await Promise.all(started.splice(0).map(({ ended }) => ended))
})

/** Starts the program, and gives it one order. */
function order(words: string, limit: TimeLimit = { cpuMs: 30_000 }, memoryLimitBytes = 1e9) {
  const answer = Promise.withResolvers<{ order: string; secret?: string }>()
  const child = startKillableProcess<string, { order: string }>({
    program,
    memoryLimitBytes,
    onMessage: answer.resolve,
  })
  started.push(child)
  child.allow(limit)
  void child.send(words)
  return { child, answer: answer.promise }
}

test('answers, and knows no secret of its parent', async () => {
  vi.stubEnv('PERCALL_SECRET_OF_TEST', 'hush')
  const { answer } = order('hello')
  expect(await answer).toMatchObject({ order: 'hello', ppid: process.pid })
  expect((await answer).secret).toBeUndefined()
})

test('is killed when a call has used its time, though nothing in it can be stopped', async () => {
  const { child } = order('hang', { cpuMs: 1_500 })
  expect(await child.ended).toMatchObject({ kind: 'timed-out' })
})

test('is killed by the clock where it waits for ever', async () => {
  const { child, answer } = order('hello')
  await answer
  child.allow({ cpuMs: 60_000, clockMs: 200 })
  expect(await child.ended).toMatchObject({ kind: 'timed-out' })
})

test('is killed when it takes more memory than it may', async () => {
  const { child } = order('eat', { cpuMs: 30_000 }, 400_000_000)
  expect(await child.ended).toMatchObject({ kind: 'out-of-memory' })
})

test('that runs out of heap is told from one that crashes', async () => {
  const { child } = order('fill the heap', { cpuMs: 30_000 }, 200_000_000)
  expect(await child.ended).toMatchObject({ kind: 'out-of-memory' })
  const { child: other } = order('crash')
  expect(await other.ended).toMatchObject({
    kind: 'crashed',
    detail: expect.stringContaining('SIGABRT'),
  })
  const { child: third } = order('leave')
  expect(await third.ended).toMatchObject({ kind: 'crashed', detail: 'exit code 3' })
})

test('at rest is not watched, and takes orders again', async () => {
  const { child, answer } = order('hello', { cpuMs: 10_000, clockMs: 10_000 })
  await answer
  child.allow(undefined)
  child.kill()
  expect(await child.ended).toMatchObject({ kind: 'stopped' })
  await child.send('too late')
})

test('ends with its parent, even in the middle of a call', async () => {
  const source = `
    const { startKillableProcess } = await import(${JSON.stringify(
      new URL('../../shared/inference/killable-process.ts', import.meta.url).href,
    )})
    const child = startKillableProcess({
      program: new URL(${JSON.stringify(program.href)}),
      memoryLimitBytes: 1e9,
      onMessage: ({ pid }) => process.send(pid),
    })
    child.allow({ cpuMs: 60_000 })
    await child.send('who')
    await child.send('hang')`
  const parent = fork('-', [], { execArgv: ['--input-type=module', '--eval', source] })
  const [pid] = (await once(parent, 'message')) as [number]
  parent.kill('SIGKILL')
  await vi.waitFor(() => expect(processUsage(pid)).toBeUndefined(), { timeout: 20_000 })
})

test('tells what a process uses, and nothing of one that is gone', () => {
  const usage = processUsage(process.pid)
  expect(usage?.cpuMs).toBeGreaterThan(0)
  expect(usage?.rssBytes).toBeGreaterThan(10_000_000)
  expect(processUsage(2 ** 30)).toBeUndefined()
})
