import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleHandler } from '#functions/packaging/bundle-handler.ts'
import { writeZip } from '#functions/packaging/write-zip.ts'
import { httpApiEvent } from './http-api.ts'
import { createLambdaFunction, type LambdaFunction } from './lambda-function.ts'

/** Models that write, behind a function that streams its answers. */
describe('a function that streams', () => {
  let letters: LambdaFunction
  beforeAll(async () => {
    const { files } = await bundleHandler(join(import.meta.dirname, 'fixtures/stream/handler.ts'))
    letters = createLambdaFunction({ name: 'letters', zip: await writeZip(files) })
  })
  afterAll(() => letters.stop())

  const ask = async (asked: object) => {
    const call = {
      method: 'POST',
      path: '/v1/completions',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'letters', prompt: 'x', ...asked }),
    }
    const { stream, failure } = await letters.invoke(httpApiEvent(call, '$default'))
    expect(failure).toBeUndefined()
    if (!stream) throw new Error('nothing was streamed')
    return stream
  }

  it('hands every token over when it is there, after status and headers', async () => {
    const startedAt = performance.now()
    const { prelude, body } = await ask({ stream: true, max_tokens: 6 })
    expect(prelude).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    })
    const arrivals: { text: string; afterMs: number }[] = []
    for await (const bytes of body) {
      arrivals.push({
        text: Buffer.from(bytes).toString(),
        afterMs: performance.now() - startedAt,
      })
    }
    const events = arrivals.map(({ text }) => text).join('')
    expect([...events.matchAll(/"text":"(\w)"/g)].map(([, letter]) => letter).join('')).toBe(
      'abcdef',
    )
    expect(events.endsWith('data: [DONE]\n\n')).toBe(true)
    const letterTimes = arrivals
      .filter(({ text }) => /"text":"\w"/.test(text))
      .map(({ afterMs }) => afterMs)
    expect(letterTimes).toHaveLength(6)
    const gaps = letterTimes.slice(1).map((time, at) => time - (letterTimes[at] ?? 0))
    // The model takes 100 ms for each.
    for (const gap of gaps) expect(gap).toBeGreaterThan(30)
    expect(letters.logs()).toContain('settled 6')
  })

  it('answers whole where no stream is asked for, and errors with their status', async () => {
    const whole = await ask({ max_tokens: 2 })
    expect(whole.prelude).toMatchObject({ statusCode: 200 })
    const text = Buffer.concat(await Array.fromAsync(whole.body)).toString()
    expect(JSON.parse(text)).toMatchObject({ choices: [{ text: 'ab', finish_reason: 'length' }] })
    const wrong = await ask({ temperature: 9 })
    expect(wrong.prelude).toMatchObject({ statusCode: 400 })
    const error = Buffer.concat(await Array.fromAsync(wrong.body)).toString()
    expect(JSON.parse(error)).toMatchObject({ error: { param: 'temperature' } })
  })
})
