import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openOnnxGenerator } from '#shared/generation/open-onnx-generator.ts'
import { openSession } from '#shared/inference/open-session.ts'
import { whyMissing } from '#shared/runtime/execution-provider.ts'
import { tinyBytes, tinySource } from '#test/generation/tiny-model.ts'

/** What percall says of the provider that runs a model, wherever the model runs. */
const providers = ['tensorrt', 'cuda', 'cpu'] as const
const program = join(import.meta.dirname, 'told-model.ts')

function listener() {
  const lines: { message: string; detail: string | undefined }[] = []
  const info = (message: string, { detail = '' } = {}) => void lines.push({ message, detail })
  return { lines, logger: { info } }
}

test('says which provider runs a model, and why those before it do not', async () => {
  const { lines, logger } = listener()
  const options = { model: 'tiny@1', threads: 1, format: 'onnx', providers, logger } as const
  const session = await openSession(tinyBytes(), options)
  onTestFinished(() => session.close())
  expect(lines).toEqual([
    { message: `the model runs on ${session.provider}`, detail: expect.any(String) },
  ])
  for (const { provider, reason } of session.declined) {
    expect(lines[0]?.detail).toContain(`not on ${provider}: ${reason}`)
  }
  expect(session.declined.map(({ provider }) => provider)).toEqual(
    providers.slice(0, providers.indexOf(session.provider)),
  )
})

test('says nothing of a model that asks for the CPU alone', async () => {
  const { lines, logger } = listener()
  for (const asked of [undefined, ['cpu']] as const) {
    const session = await openSession(tinyBytes(), {
      model: 'tiny@1',
      threads: 1,
      format: 'onnx',
      logger,
      ...(asked && { providers: asked }),
    })
    await session.close()
  }
  expect(lines).toEqual([])
})

test('says it of a model that writes, too', async () => {
  const { lines, logger } = listener()
  const generator = await openOnnxGenerator({ ...tinySource(), providers, logger })
  await generator.close()
  expect(lines).toHaveLength(1)
})

test.each([
  'a model that writes in a thread',
  'a model that writes in a process',
  'a plain model in a thread',
  'a plain model in a process',
])('the log of the host has it of %s', (place) => {
  const { stdout, stderr } = spawnSync(process.execPath, [program, place], { encoding: 'utf8' })
  expect(stdout).toBe('')
  const lines = stderr.split('\n').filter((line) => line.includes('the model runs on'))
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ level: 'info', model: 'told@1' }),
  ])
  if (whyMissing('cuda') !== undefined) expect(lines[0]).toContain(whyMissing('cuda'))
})
