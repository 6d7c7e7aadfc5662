import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleHandler } from '#functions/packaging/bundle-handler.ts'
import { onnxRuntimeFiles } from '#functions/packaging/onnx-runtime-files.ts'
import { writeZip } from '#functions/packaging/write-zip.ts'
import { createLambdaFunction, type LambdaFunction } from './lambda-function.ts'

/** What these tests lean on when they run the real functions: that it behaves as Lambda does. */
describe('a function under the runtime client', () => {
  let echo: LambdaFunction

  beforeAll(async () => {
    const { files } = await bundleHandler(join(import.meta.dirname, 'fixtures/echo/handler.ts'))
    const zip = await writeZip({
      ...files,
      ...onnxRuntimeFiles(process.arch === 'arm64' ? 'arm64' : 'x86_64'),
    })
    echo = createLambdaFunction({
      name: 'echo',
      zip,
      timeoutMs: 1_000,
      environment: { ORT_DISABLE_TELEMETRY: '1' },
    })
  })
  afterAll(() => echo.stop())

  it('runs ONNX Runtime from the zip, cold and then warm in the same process', async () => {
    await echo.forget()
    const cold = await echo.invoke({ numbers: [4, 5] })
    const warm = await echo.invoke({ numbers: [6] })
    expect(cold).toMatchObject({
      coldStart: true,
      payload: { numbers: [4, 5], calls: 1, root: echo.taskRoot },
    })
    expect(warm).toMatchObject({ coldStart: false, payload: { numbers: [6], calls: 2 } })
    expect(cold.residentBytes).toBeGreaterThan(20_000_000)
  })

  it('stands still between two events', async () => {
    const before = await echo.invoke({})
    await sleep(400)
    const after = await echo.invoke({})
    // The function counts a tick every 5 ms; 400 ms awake would be about 80.
    const ticks = (after.payload as Count).ticks - (before.payload as Count).ticks
    expect(ticks).toBeLessThan(20)
  })

  it('may write to the temporary folder and not to its code', async () => {
    const { payload } = await echo.invoke({ do: 'write' })
    expect(payload).toMatchObject({ scratch: 'scratch', writable: false })
  })

  it('reports what the function throws, and goes on with the same process', async () => {
    await echo.invoke({})
    const { failure } = await echo.invoke({ do: 'throw' })
    expect(failure).toMatchObject({ errorType: 'TypeError', errorMessage: 'thrown on order' })
    expect((await echo.invoke({})).coldStart).toBe(false)
  })

  it('kills at the deadline and starts a new process for the next event', async () => {
    const { failure } = await echo.invoke({ do: 'hang' })
    expect(failure).toMatchObject({ errorType: 'Sandbox.Timedout' })
    expect(await echo.invoke({})).toMatchObject({ coldStart: true, payload: { calls: 1 } })
  })

  it('survives a process that exits in the middle of an event', async () => {
    const { failure } = await echo.invoke({ do: 'exit' })
    expect(failure?.errorMessage).toContain('exit status 7')
    expect((await echo.invoke({})).payload).toMatchObject({ calls: 1 })
  })

  it('refuses an answer and an event above the payload limit', async () => {
    const answer = await echo.invoke({ do: 'large' })
    expect(answer.failure).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' })
    const event = await echo.invoke({ padding: 'x'.repeat(6_300_000) })
    expect(event.failure).toMatchObject({ errorType: 'RequestTooLargeException' })
  })

  it('runs events that come together in environments of their own', async () => {
    await echo.forget()
    const all = await Promise.all([1, 2, 3].map((n) => echo.invoke({ numbers: [n] })))
    expect(all.map(({ payload }) => (payload as Count).numbers[0])).toEqual([1, 2, 3])
    expect(all.every(({ coldStart }) => coldStart)).toBe(true)
  })
})

interface Count {
  readonly numbers: number[]
  readonly ticks: number
}
