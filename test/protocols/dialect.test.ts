import { expect, test } from 'vitest'
import { type ErrorCode, errorCodes } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { openInferenceDialect, plainDialect } from '#shared/protocols/dialect.ts'

const codes = Object.keys(errorCodes) as ErrorCode[]

test.each(codes)('%s is a problem document in the plain dialect', (code) => {
  const cause = new Error('secret')
  const error = new ServiceError(code, { detail: 'Because.', model: 'iris@1', cause })
  const { status, headers, body } = plainDialect.encodeError(error, 'request-1')
  expect(status).toBe(errorCodes[code].status)
  expect(headers).toStrictEqual({ 'content-type': 'application/problem+json' })
  expect(JSON.parse(String(body))).toStrictEqual({
    type: `urn:percall:error:${code}`,
    title: errorCodes[code].title,
    status,
    detail: 'Because.',
    code,
    fix: errorCodes[code].fix,
    retryable: errorCodes[code].retryable,
    model: 'iris@1',
    request_id: 'request-1',
  })
})

test.each(codes)('%s is {"error": text} in the Open Inference Protocol', (code) => {
  const error = new ServiceError(code, { cause: new Error('secret') })
  const { status, headers, body } = openInferenceDialect.encodeError(error, 'request-1')
  const { error: text, ...rest } = JSON.parse(String(body))
  expect(rest).toStrictEqual({})
  expect(text).toBe(`${code}: ${errorCodes[code].title} ${errorCodes[code].fix}`)
  expect(headers).toStrictEqual({ 'content-type': 'application/json' })
  // Bad input is 400 there, and an unknown Content-Encoding 501.
  const own = errorCodes[code].status
  expect(status).toBe(code === 'unsupported_encoding' ? 501 : own === 422 ? 400 : own)
})
