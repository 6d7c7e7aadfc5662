import { describe, expect, test } from 'vitest'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { errorCodes } from '#shared/errors/error-codes.ts'
import { createOpenapi } from '#shared/protocols/openapi.ts'
import { routes } from '#shared/protocols/routes.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { schemaProblems } from '#test/support/schema-problems.ts'

type Json = Record<string, unknown>
interface Operation extends Json {
  operationId: string
  summary: string
  parameters?: { name: string; in: string; required: boolean; schema: Json }[]
  requestBody?: { required: boolean; content: Content }
  responses: Record<string, { description: string; content: Content }>
}
type Content = Record<string, { schema: Json; example?: unknown }>

const entries = createCatalog(readModels('models', { parse: parseManifest })).list()
const document = await createOpenapi(entries, ({ manifest }) => findTask(manifest.task.name))
const paths = document.paths as Record<string, Record<string, Operation>>
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
)
const schemas = (document.components as { schemas: Record<string, Json> }).schemas

/** Every object inside the document, itself included. */
function* objectsIn(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Json
  for (const inner of Object.values(value)) yield* objectsIn(inner)
}

test('has the members that OpenAPI 3.1 asks for', () => {
  expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'percall', version: '1' } })
  expect(Object.keys(document).sort()).toStrictEqual(
    ['components', 'info', 'openapi', 'paths', 'security', 'servers'].sort(),
  )
  for (const path of Object.keys(paths)) expect(path).toMatch(/^\//)
  for (const { method, operation } of operations) {
    expect(['get', 'post', 'put', 'patch', 'delete']).toContain(method)
    expect(operation.summary).not.toBe('')
    for (const [status, response] of Object.entries(operation.responses)) {
      expect(status).toMatch(/^[1-5]\d\d$/)
      expect(response.description).not.toBe('')
      for (const type of Object.keys(response.content)) expect(type).toMatch(/^[\w.-]+\/[\w.+-]+$/)
    }
  }
})

test('is plain JSON: nothing in it is lost on the wire', () => {
  expect(JSON.parse(JSON.stringify(document))).toStrictEqual(document)
})

test('resolves every reference, and uses every schema', () => {
  const used = [...objectsIn(document)].flatMap(({ $ref }) => ($ref === undefined ? [] : [$ref]))
  const known = Object.keys(schemas).map((name) => `#/components/schemas/${name}`)
  expect([...new Set(used)].sort()).toStrictEqual(known.sort())
  const schemes = Object.keys((document.components as { securitySchemes: Json }).securitySchemes)
  expect(document.security).toStrictEqual(schemes.map((name) => ({ [name]: [] })))
})

test('describes every route, and nothing else', () => {
  const described = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`)
  const expected = routes.flatMap(({ method, path, action }) =>
    action === 'predict'
      ? entries.map(({ manifest }) => `${method} ${path.replace('{model}', manifest.name)}`)
      : [`${method} ${path}`],
  )
  expect(described.sort()).toStrictEqual(expected.sort())
})

test('gives each operation an id of its own', () => {
  const ids = operations.map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(ids.length)
})

test('declares exactly the variables of each path', () => {
  for (const { path, operation } of operations) {
    const variables = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const parameters = operation.parameters ?? []
    const inPath = parameters.filter((parameter) => parameter.in === 'path')
    expect(inPath.map(({ name }) => name)).toStrictEqual(variables)
    for (const parameter of parameters) {
      expect(parameter).toMatchObject(
        inPath.includes(parameter)
          ? { required: true }
          : { in: expect.stringMatching(/^(query|header)$/) },
      )
    }
  }
})

test('leaves open exactly the routes that need no scope', () => {
  for (const { method, path, scope } of routes.filter(({ action }) => action !== 'predict')) {
    const operation = paths[path]?.[method.toLowerCase()]
    expect(operation?.security).toStrictEqual(scope === undefined ? [] : undefined)
  }
})

test('names every error code', () => {
  const { code } = (schemas.Problem as { properties: { code: { enum: string[] } } }).properties
  expect(code.enum).toStrictEqual(Object.keys(errorCodes))
})

describe.each(entries.map((entry) => [entry.manifest.name, entry] as const))(
  '%s',
  (name, entry) => {
    const operation = paths[`/v1/models/${name}/predict`]?.post
    const body = operation?.requestBody?.content['application/json']
    const answer = operation?.responses['200']?.content['application/json']
    const timings = { prepare_ms: 1, run_ms: 1, interpret_ms: 1 }
    const resolved = {
      ...answer?.schema,
      properties: { ...(answer?.schema.properties as Json), timings: schemas.Timings },
    }

    test('takes its own sample, which is the example', () => {
      expect(body?.example).toStrictEqual(entry.sample)
      expect(schemaProblems(entry.sample, body?.schema ?? {})).toStrictEqual([])
    })

    test('refuses what the service refuses', () => {
      for (const wrong of [{}, { inputs: entry.sample.inputs, more: 1 }, { inputs: {} }]) {
        expect(schemaProblems(wrong, body?.schema ?? {})).not.toStrictEqual([])
      }
      const parameters = { nonsense: 1 }
      expect(schemaProblems({ ...entry.sample, parameters }, body?.schema ?? {})).not.toEqual([])
    })

    test('describes the answer that it gives', () => {
      const given = { ...(answer?.example as object), timings }
      expect(schemaProblems(given, resolved)).toStrictEqual([])
      expect(schemaProblems({ ...given, model: 'other' }, resolved)).not.toStrictEqual([])
    })
  },
)
