import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Machine, newMachine, type RunOptions } from './command-line.ts'

let machine: Machine
beforeEach(() => {
  machine = newMachine()
})
afterEach(() => machine[Symbol.dispose]())

interface Report {
  ok: boolean
  checks: { name: string; ok: boolean; detail: string; fix?: string }[]
}
async function examine(options: RunOptions = {}) {
  const { code, stdout } = await machine.run(['doctor', '--json'], options)
  const { ok, checks } = JSON.parse(stdout) as Report
  return { code, ok, checks, red: checks.filter((check) => !check.ok) }
}

describe('percall doctor', () => {
  it('is content with a fresh machine', async () => {
    const { code, stdout } = await machine.run(['doctor'])
    expect(code).toBe(0)
    expect(stdout).toContain('All is well.')
    expect(stdout).not.toContain('✖')
  })

  it('looks at everything, and says on which CPU', async () => {
    const { code, ok, checks } = await examine()
    expect({ code, ok }).toEqual({ code: 0, ok: true })
    expect(checks.map(({ name }) => name)).toEqual([
      'node',
      'cpu',
      'onnx runtime',
      'data folder',
      'key store',
      'artifact store',
      'model iris',
      'model language-id',
    ])
    expect(checks[1]?.detail).toMatch(/\S.*; [\d.]+ CPUs, \d+ threads/)
  })

  it.each([
    ['manifest', 'manifest.json', '{}', 'is not a valid manifest'],
    ['file', 'model.int8.onnx', 'spoilt', 'is not the file that its manifest describes'],
    [
      'answer',
      'expected.json',
      '{"outputs": [], "metric": "max-absolute-difference", "tolerance": 0}',
      'answers its golden sample',
    ],
  ])(
    'is red where the %s of a model is wrong, and green for the other',
    async (_, file, content, sentence) => {
      writeFileSync(join(machine.models, 'iris', file), content)
      const { code, ok, checks, red } = await examine()
      expect({ code, ok }).toEqual({ code: 1, ok: false })
      expect(red).toEqual([
        {
          name: 'model iris',
          ok: false,
          detail: expect.stringContaining(sentence),
          fix: expect.stringMatching(/\S/),
        },
      ])
      expect(checks.at(-1)).toMatchObject({ name: 'model language-id', ok: true })
    },
  )

  it('is red where the store has a damaged file', async () => {
    await machine.run(['models', 'publish', 'iris'])
    const stored = join(machine.home, 'artifacts/iris/1/model.int8.onnx')
    writeFileSync(stored, 'spoilt')
    const { red } = await examine()
    expect(red).toMatchObject([
      { name: 'model iris', fix: expect.stringContaining('models publish') },
    ])
  })

  it('is red where a store that others share lacks the file', async () => {
    const env = { PERCALL_ARTIFACTS: join(machine.home, 'shared') }
    expect((await examine({ env })).red.map(({ name }) => name)).toEqual([
      'model iris',
      'model language-id',
    ])
  })

  it('is red where data cannot be written, and says how to fix it', async () => {
    writeFileSync(join(machine.models, 'a-file'), '')
    const env = { PERCALL_HOME: join(machine.models, 'a-file/home') }
    const { code, stdout } = await machine.run(['doctor'], { env })
    expect(code).toBe(1)
    expect(stdout).toMatch(/✖ data folder +.*ENOTDIR.*\n +→ Set PERCALL_HOME/)
    expect(stdout).toMatch(/✖ key store/)
  })

  it('is red where the key store is no database', async () => {
    rmSync(machine.home, { recursive: true, force: true })
    const env = { PERCALL_KEYS: join(machine.models, 'iris/labels.json') }
    expect((await examine({ env })).red).toMatchObject([
      { name: 'key store', detail: expect.stringContaining('not a database') },
    ])
  })
})
