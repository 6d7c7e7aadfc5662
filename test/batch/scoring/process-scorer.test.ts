import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ChunkWork, Scorer } from '#shared/batch/scorer.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { refusal } from '#test/support/refusal.ts'
import { harmlessOnnx, poison } from './poison-models.ts'
import { jsonLines, linesOf, openScorer, scorePart, testModel, workOn } from './score-text.ts'

vi.setConfig({ testTimeout: 60_000 })

const model = testModel(harmlessOnnx())
const scorers: Scorer[] = []
afterEach(async () => {
  for (const scorer of scorers.splice(0)) await scorer.close()
})

function scorer(size = 1): Scorer {
  const opened = openScorer(model, { size }).scorer
  scorers.push(opened)
  return opened
}

async function score(text: string, changes: Parameters<typeof workOn>[2] = {}) {
  const scored = await scorePart(scorer(), workOn(text, model.entry, changes))
  return { scored, lines: linesOf(scored.part), text: Buffer.from(scored.part).toString() }
}

const answer = (no: number, yes: number) => [
  { label: 'no', score: no },
  { label: 'yes', score: yes },
]

test('each record is a line, a result or an error with its place, and ids come back', async () => {
  const text = [
    '[0.75, 0.25, 0, 0]',
    '',
    '{"inputs": [0.5, 0.25, 0, 0], "id": 7}',
    '{"inputs": [0.5, "x", 0, 0], "custom_id": "seven"}',
    '{"inputs": [[1, 0, 0, 0], [1, 0, 0, 0]]}',
    'no JSON',
  ].join('\n')
  const { lines, scored } = await score(text)
  expect(lines).toStrictEqual([
    { outputs: answer(0.75, 0.25) },
    { id: 7, outputs: answer(0.5, 0.25) },
    {
      error: { code: 'input_invalid', detail: 'Row 0, column "1" must be a finite number.' },
      id: 'seven',
      offset: 59,
      line: 3,
    },
    {
      error: { code: 'input_invalid', detail: 'A record holds one input; this one holds 2.' },
      offset: 110,
      line: 4,
    },
    {
      error: { code: 'json_invalid', detail: expect.any(String) },
      offset: 151,
      line: 5,
    },
  ])
  expect(scored).toMatchObject({
    results: 2,
    errors: 3,
    lines: 5,
    units: { calls: 2, rows: 2 },
  })
})

test('a process that has grown makes room for a fresh one between chunks, and no record is lost', async () => {
  const recycled: string[] = []
  const opened = openScorer(model, {
    recycleBytes: 1,
    onRecycle: (rssBytes, key) => recycled.push(`${key} ${rssBytes > 10_000_000}`),
  })
  scorers.push(opened.scorer)
  const work = workOn('[0.75, 0.25, 0, 0]\n[0.5, 0.25, 0, 0]\n', model.entry)
  const parts = []
  for (let chunk = 0; chunk < 3; chunk += 1) parts.push(await scorePart(opened.scorer, work))
  expect(parts.map(({ results, part }) => [results, linesOf(part).length])).toEqual(
    Array.from({ length: 3 }, () => [2, 2]),
  )
  expect(recycled).toEqual(Array.from({ length: 3 }, () => expect.stringContaining(' true')))
  expect(opened.deaths).toEqual([])
})

test('rows of CSV are taken by their columns, and carried along where that is asked for', async () => {
  const columns = ['id', 'a', 'b', 'c', 'd']
  const { lines } = await score('x,0.75,0.25,0,0\ny,,1,1,1\n', {
    format: 'csv',
    columns,
    join: true,
  })
  expect(lines).toStrictEqual([
    { id: 'x', input: { id: 'x', a: 0.75, b: 0.25, c: 0, d: 0 }, outputs: answer(0.75, 0.25) },
    {
      error: { code: 'input_invalid', detail: 'Row 0, column "0" must be a finite number.' },
      id: 'y',
      input: { id: 'y', a: '', b: 1, c: 1, d: 1 },
      offset: 16,
      line: 1,
    },
  ])
})

test('a chunk without records has an empty part', async () => {
  const { scored } = await score('\n\n')
  expect(scored).toMatchObject({ results: 0, errors: 0, lines: 2, units: { calls: 0, rows: 0 } })
  expect(scored.part).toHaveLength(0)
})

test('the lines are the same bytes however the text was cut and runs were filled', async () => {
  const values = Array.from({ length: 90 }, (_, at) =>
    at % 7 === 3 ? { id: at, inputs: 'none' } : [at / 128, at === 50 ? poison.fail : 0.5, 0, 0],
  )
  const text = jsonLines(values)
  const places = [0, 1, 17, 333, 334, 900, Buffer.byteLength(text)]
  const whole = await score(text)
  for (const rows of [1, 5, 64]) {
    const { entry } = testModel(harmlessOnnx(), { rows })
    const parts: string[] = []
    const shared = scorer(2)
    for (const [at, start] of places.slice(0, -1).entries()) {
      const work = workOn(text, entry)
      const { part } = await scorePart(shared, {
        ...work,
        range: { start, end: places[at + 1] ?? 0 },
      })
      parts.push(Buffer.from(part).toString())
    }
    const numberless = (lines: string) => lines.replaceAll(/"line":\d+/g, '')
    expect(numberless(parts.join(''))).toBe(numberless(whole.text))
  }
})

test('says what a chunk costs at most before any model runs', async () => {
  const text = jsonLines([[1, 0, 0, 0], 'none', [2, 0, 0, 0]])
  const chunk = await scorer().open(workOn(text, model.entry))
  expect(chunk).toMatchObject({ units: { calls: 2, rows: 2 } })
  await chunk.close()
})

test('a chunk waits until a process is free, also where the one before was given up', async () => {
  const one = scorer(1)
  const work = workOn(jsonLines([[1, 0, 0, 0]]), model.entry)
  const first = await one.open(work)
  let isOpen = false
  const second = one.open(work).then((chunk) => {
    isOpen = true
    return chunk
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(isOpen).toBe(false)
  await first.close()
  const chunk = await second
  expect((await chunk.score()).results).toBe(1)
  await chunk.close()
})

test('a chunk that is given up while it is scored takes nothing from the one that follows', async () => {
  const one = scorer(1)
  const work = workOn(jsonLines([[1, 0, 0, 0]]), model.entry)
  const first = await one.open(work)
  const scoring = first.score().catch((thrown: unknown) => thrown)
  await first.close()
  const next = await one.open(work)
  expect(await scoring).toEqual(refusal('overloaded'))
  expect((await next.score()).results).toBe(1)
  await next.close()
})

test('tells the caller what is wrong with the parameters of a job, and with its source', async () => {
  const one = scorer()
  const work = workOn(jsonLines([[1, 0, 0, 0]]), model.entry)
  await expect(one.open({ ...work, parameters: { top: 1 } })).rejects.toThrow(
    refusal('parameter_invalid'),
  )
  const gone: ChunkWork['read'] = async function* () {
    yield Buffer.from('[1,')
    throw new ServiceError('object_gone')
  }
  await expect(one.open({ ...work, read: gone })).rejects.toThrow(refusal('object_gone'))
  expect((await scorePart(one, work)).results).toBe(1)
})

test('an object of a list is read when its turn comes; one that is gone is an error', async () => {
  const listed = (key: string) => ({ key, version: '1', sizeBytes: 9, modifiedAt: 0 })
  const list = jsonLines(['a.json', 'gone.json', 'b.json'].map(listed))
  const work = workOn(list, model.entry)
  const asked: string[] = []
  const read: ChunkWork['read'] = async function* (object, range) {
    if (object.key === 'in') return yield* work.read(object, range)
    asked.push(object.key)
    if (object.key === 'gone.json') throw new ServiceError('object_gone')
    yield Buffer.from('[1,2,3,4]')
  }
  const { object } = work.source
  const chunk = await scorer().open({ ...work, read, source: { format: 'objects', object } })
  expect(asked).toStrictEqual([])
  const { part } = await chunk.score()
  await chunk.close()
  // This model takes no bytes: what matters is that each object had its turn.
  expect(linesOf(part)).toMatchObject([
    { id: 'a.json', error: { code: 'input_invalid' } },
    { id: 'gone.json', error: { code: 'object_gone' } },
    { id: 'b.json', error: { code: 'input_invalid' } },
  ])
  expect(asked).toStrictEqual(['a.json', 'gone.json', 'b.json'])
})

describe('calls', () => {
  const predict = '/v1/models/plain/predict'
  const line = (custom_id: unknown, body: unknown, url = predict) => ({
    ...{ custom_id, method: 'POST', url, body },
  })

  test('are answered as their route answers them, without anything timed', async () => {
    const text = jsonLines([
      line('one', { inputs: [0.5, 0.25, 0, 0] }),
      line('two', {
        inputs: [
          [1, 0, 0, 0],
          [0, 1, 0, 0],
        ],
        parameters: { top_k: 1 },
      }),
      line('refused', { inputs: 'none' }),
      line('failed', { inputs: [poison.fail, 0, 0, 0] }),
      line('not finite', { inputs: [poison.notANumber, 0, 0, 0] }),
      line('crashed', { inputs: [poison.crash, 0, 0, 0] }),
      line('elsewhere', {}, '/v1/models'),
      line(7, {}),
    ])
    const {
      lines,
      scored,
      text: part,
    } = await score(text, { records: { kind: 'call', url: predict } })
    const response = (status_code: number, body: unknown) => ({
      response: { status_code, body: expect.objectContaining(body as object) },
    })
    expect(lines).toStrictEqual([
      {
        custom_id: 'one',
        response: {
          status_code: 200,
          body: { model: 'plain', version: '1', outputs: answer(0.5, 0.25) },
        },
      },
      {
        custom_id: 'two',
        ...response(200, { outputs: [[{ label: 'no', score: 1 }], [{ label: 'yes', score: 1 }]] }),
      },
      { custom_id: 'refused', ...response(422, { code: 'input_invalid' }) },
      { custom_id: 'failed', ...response(500, { code: 'inference_failed' }) },
      { custom_id: 'not finite', ...response(422, { code: 'output_not_finite' }) },
      { custom_id: 'crashed', ...response(422, { code: 'record_crashed' }) },
      { error: expect.anything(), id: 'elsewhere', offset: expect.any(Number), line: 6 },
      { error: expect.anything(), offset: expect.any(Number), line: 7 },
    ])
    expect(part).not.toMatch(/request_id|_ms/)
    expect(scored).toMatchObject({ results: 2, errors: 6, units: { calls: 2, rows: 3 } })
  })

  test('of tensors keep the protocol of their route', async () => {
    const url = '/v2/models/plain/infer'
    const features = { name: 'features', datatype: 'FP32', shape: [1, 4], data: [0.5, 0.25, 0, 0] }
    const text = jsonLines([
      line('one', { id: 'mine', inputs: [features] }, url),
      line('two', { inputs: [] }, url),
    ])
    const { lines } = await score(text, { records: { kind: 'call', url } })
    expect(lines).toMatchObject([
      { response: { status_code: 200, body: { id: 'mine', outputs: [{ data: [0.5, 0.25] }] } } },
      {
        response: { status_code: 400, body: { error: expect.stringContaining('tensor_missing') } },
      },
    ])
  })
})
