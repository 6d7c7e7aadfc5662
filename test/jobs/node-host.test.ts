import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { startHookServer } from './hook-server.ts'

const run = promisify(execFile)

let service: LocalService
beforeAll(async () => {
  service = await startLocalService({ PERCALL_WEBHOOKS: 'local' })
})
afterAll(() => service.stop())

/** As a person asks who has nothing but curl. */
async function curl(path: string, ...options: string[]) {
  const { stdout } = await run('curl', [
    '--silent',
    '--include',
    '--header',
    `authorization: Bearer ${service.key}`,
    ...options,
    service.url + path,
  ])
  const [head = '', body = ''] = stdout.split('\r\n\r\n', 2)
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(':', 1)[0]?.toLowerCase(), line.replace(/^[^:]+:\s*/, '')]),
  )
  return { status: Number(statusLine.split(' ')[1]), headers, body: JSON.parse(body) }
}
const json = ['--header', 'content-type: application/json']
const iris = ['--data', '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}']

test('a call is put off, watched and fetched with curl alone, while the host works it off', async () => {
  const server = await startHookServer()
  try {
    const made = await curl('/v1/webhook-secret', ...json, '--data', '{}')
    expect([made.status, made.body.secret]).toEqual([201, expect.stringMatching(/^whsec_/)])
    const accepted = await curl(
      '/v1/models/iris/predict',
      ...json,
      ...iris,
      '--header',
      'prefer: respond-async',
      '--header',
      `percall-webhook: ${server.url}`,
    )
    expect(accepted.status).toBe(202)
    const place = accepted.headers.location ?? ''
    expect(place).toBe(`/v1/jobs/${accepted.body.id}`)
    await vi.waitFor(async () => expect((await curl(place)).body.state).toBe('succeeded'), {
      timeout: 60_000,
      interval: 200,
    })
    const result = await curl(`${place}/result`)
    const now = await curl('/v1/models/iris/predict', ...json, ...iris)
    expect([result.status, result.body.outputs]).toEqual([200, now.body.outputs])
    expect(result.headers['content-type']).toBe('application/json')
    await vi.waitFor(() => expect(server.hooks).toHaveLength(1), { timeout: 60_000 })
    const late = await curl(`${place}/cancel`, ...json, '--data', '{}')
    expect([late.status, late.body.code]).toEqual([409, 'job_ended'])
    const { body } = await curl('/v1/jobs?limit=1')
    expect(body).toMatchObject({ object: 'list', data: [{ id: accepted.body.id }] })
  } finally {
    await server.stop()
  }
}, 150_000)
