import { describe, expect, it } from 'vitest'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { type HttpRequest, jsonResponse } from '#shared/protocols/http-message.ts'
import { readInvocation } from '#shared/protocols/invocation.ts'
import { refusal } from '#test/support/refusal.ts'

const [iris] = readModels('models', { parse: parseManifest, only: 'iris' })
if (!iris) throw new Error('the model iris is not there')
const row = [5.1, 3.5, 1.4, 0.2]
const predict = '/v1/models/iris@1/predict'

const call = (
  body: unknown,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): HttpRequest => ({
  method: 'POST',
  path: '/invocations',
  query: {},
  headers,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  sourceIp: '127.0.0.1',
})
const read = (...args: Parameters<typeof call>) => readInvocation(call(...args), iris)
const sent = ({ request }: ReturnType<typeof read>) => [
  request.path,
  JSON.parse(Buffer.from(request.body).toString()) as unknown,
]
const answer = jsonResponse({ model: 'iris', version: '1', outputs: [1, 2], timings: {} })
const bodyOf = ({ body }: { body: string | Uint8Array }) => JSON.parse(String(body)) as unknown

describe('a body of /invocations', () => {
  const columns = ['a', 'b', 'c', 'd']
  const record = { a: 5.1, b: 3.5, c: 1.4, d: 0.2 }
  it.each([
    ['instances', { instances: [row] }, [row]],
    ['records', { dataframe_records: [record] }, [record]],
    ['a table with named columns', { dataframe_split: { columns, data: [row] } }, [record]],
    ['a table without', { dataframe_split: { data: [row] } }, [row]],
    [
      'a table whose columns are counted',
      { dataframe_split: { columns: [0, 1, 2, 3], data: [row] } },
      [row],
    ],
  ])('of MLflow, %s, is a plain call and answered as predictions', (_, body, inputs) => {
    const invocation = read({ ...body, params: { top_k: 1 } })
    expect(sent(invocation)).toEqual([predict, { inputs, parameters: { top_k: 1 } }])
    expect(bodyOf(invocation.answer(answer))).toEqual({ predictions: [1, 2] })
  })

  it('with tensors is that of the Open Inference Protocol, unchanged', () => {
    const body = { inputs: [{ name: 'features', shape: [1, 4], datatype: 'FP32', data: row }] }
    const invocation = read(body)
    expect(sent(invocation)).toEqual(['/v2/models/iris/versions/1/infer', body])
    expect(invocation.answer(answer)).toBe(answer)
  })

  it('with inputs of any other form is the task of the model, and answered by its bare outputs', () => {
    const body = { inputs: [row], parameters: { top_k: 1 } }
    const invocation = read(body)
    expect(sent(invocation)).toEqual([predict, body])
    expect(bodyOf(invocation.answer(answer))).toEqual([1, 2])
  })

  it.each([
    ['messages', '/v1/chat/completions'],
    ['prompt', '/v1/completions'],
  ])('with %s is that of OpenAI, with the model put in where it is missing', (member, path) => {
    expect(sent(read({ [member]: 'x' }))).toEqual([path, { model: 'iris@1', [member]: 'x' }])
    const named = { model: 'other', [member]: 'x' }
    expect(sent(read(named))).toEqual([path, named])
  })

  it('that is a file is handed on as it is', () => {
    const { request } = read('bytes', { 'content-type': 'image/png', 'accept-encoding': 'gzip' })
    expect([request.path, String(request.body)]).toEqual([predict, 'bytes'])
    expect(request.headers['content-type']).toBe('image/png')
    expect(request.headers['accept-encoding']).toBeUndefined()
  })

  it('of binary tensors has the length of its JSON in the content type, both ways', () => {
    const type = 'application/vnd.sagemaker-triton.binary+json;json-header-size='
    const invocation = read('{}binary', { 'content-type': `${type}2` })
    expect(invocation.request.path).toBe('/v2/models/iris/versions/1/infer')
    expect(invocation.request.headers['inference-header-content-length']).toBe('2')
    const headers = {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': '7',
    }
    const { headers: told } = invocation.answer({ status: 200, headers, body: '' })
    expect(told).toEqual({ 'content-type': `${type}7` })
  })

  it.each([
    ['two tables', { instances: [row], dataframe_records: [row] }],
    ['a table and inputs', { instances: [row], inputs: [row] }],
    ['no rows', { instances: [] }],
    [
      'rows of another width than the columns',
      { dataframe_split: { columns: ['a'], data: [row] } },
    ],
    ['a table without data', { dataframe_split: { columns: [] } }],
    ['a list', [row]],
    ['null', null],
  ])('is refused where it is %s', (_, body) => {
    expect(() => read(body)).toThrow(refusal('input_invalid'))
  })

  it('is refused where no JSON is accepted', () => {
    const json = 'application/json'
    for (const accept of ['text/csv', 'image/png, text/csv;q=0.5']) {
      expect(() => read({ instances: [row] }, { 'content-type': json, accept })).toThrow(
        refusal('not_acceptable'),
      )
    }
    for (const accept of ['*/*', 'text/csv, application/json', 'Application/JSON; q=1']) {
      expect(() => read({ instances: [row] }, { 'content-type': json, accept })).not.toThrow()
    }
  })
})

describe('a refusal', () => {
  it('is told in the words of MLflow, where bad input is 400, and keeps its headers', () => {
    const problem = jsonResponse({ title: 'No.', detail: 'Row 0 is short.', fix: 'Mend it.' }, 422)
    problem.headers['x-request-id'] = 'order-0815'
    const told = read({ instances: [row] }).answer(problem)
    expect([told.status, bodyOf(told)]).toEqual([
      400,
      { error_code: 'BAD_REQUEST', message: 'Row 0 is short. Mend it.' },
    ])
    expect(told.headers['x-request-id']).toBe('order-0815')
  })
})
