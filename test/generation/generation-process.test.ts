import { expect, onTestFinished, test, vi } from 'vitest'
import type { GenerationSource } from '#shared/generation/generation-messages.ts'
import {
  type GenerationProcessOptions,
  startGenerationProcess,
} from '#shared/generation/generation-process.ts'
import type { Generator } from '#shared/generation/generator.ts'
import { processUsage } from '#shared/inference/process-usage.ts'
import { childrenOf } from '#test/bench/harness/process-use.ts'
import { refusal } from '#test/support/refusal.ts'
import { countingSource, deadlyToken, lastHarmless, numbersAfter } from './counting-model.ts'
import { asking, tokensOf } from './tiny-model.ts'

vi.setConfig({ testTimeout: 60_000 })

/** What harms a run, and what a process makes of it. */
const frail = { program: new URL('./counting-worker.ts', import.meta.url) }

async function setUp(
  options: Partial<GenerationProcessOptions> = {},
  source: Partial<GenerationSource> = {},
) {
  const before = new Set(childrenOf(process.pid))
  const generator = await startGenerationProcess(
    { ...countingSource(), ...source },
    { memoryLimitBytes: 2_000_000_000, ...options },
  )
  onTestFinished(() => generator.close())
  const processes = () => childrenOf(process.pid).filter((pid) => !before.has(pid))
  return { generator, processes, pid: processes()[0] ?? 0 }
}

/** Tokens that came, and the error that ended them, if one did. */
async function outcome(generator: Generator, first: number, maxTokens: number) {
  const tokens: number[] = []
  try {
    for await (const { token } of generator.generate(asking([first], { maxTokens }))) {
      tokens.push(token)
    }
    return { tokens, code: undefined }
  } catch (thrown) {
    return { tokens, code: (thrown as { code: string }).code }
  }
}
const isGone = (pid: number) => processUsage(pid) === undefined

test('ends a run that never ends, tells those who took part, and writes for those who waited', async () => {
  const limits = { runMs: 700 }
  const { generator, pid, processes } = await setUp({ limits }, { slots: 2 })
  const start = performance.now()
  const [hanging, neighbour, waiting] = await Promise.all([
    outcome(generator, lastHarmless - 4, 40),
    outcome(generator, 5, 200),
    outcome(generator, 20, 8),
  ])
  expect(hanging).toEqual({ tokens: numbersAfter(lastHarmless - 4, 5), code: 'deadline_exceeded' })
  expect(neighbour.code).toBe('deadline_exceeded')
  expect(neighbour.tokens).toEqual(numbersAfter(5, neighbour.tokens.length))
  expect(waiting).toEqual({ tokens: numbersAfter(20, 8), code: undefined })
  expect(isGone(pid)).toBe(true)
  expect(processes()).toHaveLength(1)
  // The whole: the time that a run has, one second, and a fresh process.
  expect(performance.now() - start).toBeLessThan(700 + 1_000 + 3_000)
})

test('ends a run that never ends within a second of its text’s time, and the next text is written', async () => {
  const { generator, pid } = await setUp()
  const signal = AbortSignal.timeout(600)
  const start = performance.now()
  const asked = asking([lastHarmless + 1], { maxTokens: 5, signal })
  expect(await tokensOf(generator.generate(asked))).toEqual([])
  expect(performance.now() - start).toBeLessThan(600 + 100)
  // Asked for while the process still hangs: nothing of it was read there.
  const next = tokensOf(generator.generate(asking([1], { maxTokens: 3 })))
  await vi.waitUntil(() => isGone(pid), { timeout: 2_000, interval: 10 })
  expect(performance.now() - start).toBeLessThan(600 + 1_000)
  expect(await next).toEqual([2, 3, 4])
})

test('leaves a run its time whose reader has only gone', async () => {
  const { generator, pid } = await setUp({ limits: { graceMs: 0, runMs: 1_500 } })
  const leaving = new AbortController()
  const asked = asking([lastHarmless], { maxTokens: 5, signal: leaving.signal })
  const stream = generator.generate(asked)[Symbol.asyncIterator]()
  // The next run is the one that hangs.
  await stream.next()
  const start = performance.now()
  leaving.abort()
  expect((await stream.next()).done).toBe(true)
  await vi.waitUntil(() => isGone(pid), { timeout: 10_000, interval: 10 })
  expect(performance.now() - start).toBeGreaterThan(1_000)
})

test.each(['a crash', 'a signal'])(
  'survives %s: those in it are told, and the next is written',
  async (how) => {
    const { generator, pid } = await setUp(frail)
    const stream = generator.generate(asking([deadlyToken - 3], { maxTokens: 100 }))
    const reading = (async () => {
      for await (const { token } of stream) {
        if (token === deadlyToken - 2 && how === 'a signal') process.kill(pid, 'SIGSEGV')
      }
    })()
    await expect(reading).rejects.toMatchObject({
      code: 'inference_failed',
      detail: 'The process that ran the model has ended.',
      cause: { message: expect.stringMatching(how === 'a signal' ? 'SIGSEGV' : 'SIGABRT') },
    })
    expect(await outcome(generator, 5, 4)).toEqual({ tokens: [6, 7, 8, 9], code: undefined })
    expect(isGone(pid)).toBe(true)
  },
)

test('tells the text that takes more memory than it may, and writes the next', async () => {
  const { generator, pid } = await setUp({ memoryLimitBytes: 400_000_000 }, countingSource('grows'))
  expect(await outcome(generator, lastHarmless - 1, 9)).toEqual({
    tokens: [lastHarmless, lastHarmless + 1],
    code: 'out_of_memory',
  })
  expect(await outcome(generator, 5, 4)).toEqual({ tokens: [6, 7, 8, 9], code: undefined })
  expect(isGone(pid)).toBe(true)
})

test('replaces a process that has grown, and loses no token of any text', async () => {
  const { generator, processes, pid } = await setUp({ ...frail, growthLimitBytes: 40_000_000 })
  for (let round = 0; round < 200 && !isGone(pid); round += 1) {
    const [one, other] = await Promise.all([outcome(generator, 1, 4), outcome(generator, 9, 12)])
    expect(one).toEqual({ tokens: numbersAfter(1, 4), code: undefined })
    expect(other).toEqual({ tokens: numbersAfter(9, 12), code: undefined })
  }
  expect(isGone(pid)).toBe(true)
  expect(processes().length).toBeLessThanOrEqual(2)
})

test('tells who comes while the file cannot be had, and writes once it can', async () => {
  let isStoreDown = false
  const { readBytes } = countingSource()
  const { generator, pid } = await setUp(
    {},
    {
      async readBytes() {
        if (isStoreDown) throw new Error('The store is gone.')
        return readBytes()
      },
    },
  )
  isStoreDown = true
  process.kill(pid, 'SIGKILL')
  await vi.waitUntil(() => isGone(pid))
  await expect
    .poll(() => outcome(generator, 5, 2), { timeout: 5_000 })
    .toEqual({ tokens: [], code: 'internal' })
  isStoreDown = false
  expect(await outcome(generator, 5, 2)).toEqual({ tokens: [6, 7], code: undefined })
})

test('is gone with all that was in it once it is closed, and refuses what comes later', async () => {
  const { generator, pid } = await setUp()
  const hanging = outcome(generator, lastHarmless + 1, 5)
  // It is at work: so much CPU time is more than its start can have left undone.
  const before = processUsage(pid)?.cpuMs ?? 0
  await vi.waitUntil(() => (processUsage(pid)?.cpuMs ?? 0) > before + 100)
  await generator.close()
  expect(isGone(pid)).toBe(true)
  expect(await hanging).toEqual({ tokens: [], code: undefined })
  await expect(tokensOf(generator.generate(asking([1])))).rejects.toThrow(
    refusal('inference_failed'),
  )
})

test('tells what the file of a model lacks', async () => {
  const readBytes = async () => new Uint8Array(100)
  await expect(setUp({}, { readBytes })).rejects.toThrow(refusal('model_invalid'))
})
