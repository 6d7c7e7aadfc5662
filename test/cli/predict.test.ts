import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { largestDifference } from '#shared/inference/golden-sample.ts'
import { newMachine, type RunResult } from './command-line.ts'

const machine = newMachine(['iris', 'language-id', 'faces'])
afterAll(() => machine[Symbol.dispose]())

const row = [5.1, 3.5, 1.4, 0.2]
const read = (file: string) => JSON.parse(readFileSync(join(machine.models, file), 'utf8'))
const file = (name: string, content: string | Buffer): string => {
  const path = join(machine.models, name)
  writeFileSync(path, content)
  return `@${path}`
}
function answerOf({ code, stdout, stderr }: RunResult) {
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as { model: string; outputs: { label: string; score: number }[] }
}

describe('percall predict', () => {
  it.each(['iris', 'language-id', 'faces'])(
    'answers the sample of %s as expected',
    async (name) => {
      const answer = answerOf(await machine.run(['predict', name, '--sample']))
      expect(Object.keys(answer)).toEqual(['model', 'version', 'outputs', 'timings'])
      const { outputs, tolerance } = read(`${name}/expected.json`)
      expect(largestDifference(answer.outputs, outputs)).toBeLessThanOrEqual(tolerance)
    },
  )

  it('takes text, JSON, a whole body, a file and standard input for the same question', async () => {
    const question = JSON.stringify(row)
    const body = JSON.stringify({ inputs: row, parameters: {} })
    const answers = await Promise.all([
      machine.run(['predict', 'iris', question]),
      machine.run(['predict', 'iris@stable', body]),
      machine.run(['predict', 'iris@1', file('row.json', question)]),
      machine.run(['predict', 'iris', '-'], { stdin: `${question}\n` }),
    ])
    const [first, ...others] = answers.map((result) => answerOf(result).outputs)
    expect(first?.[0]).toMatchObject({ label: 'setosa' })
    for (const other of others) expect(other).toEqual(first)
  })

  it('asks several inputs as one list', async () => {
    const words = ['predict', 'language-id', 'Guten Morgen, wie geht es dir?', 'How are you today?']
    const { outputs } = answerOf(await machine.run(words))
    expect(outputs).toMatchObject([
      [{ label: 'deu' }, {}, {}, {}, {}],
      [{ label: 'eng' }, {}, {}, {}, {}],
    ])
  })

  it('sends an image file as its bytes', async () => {
    const { inputs } = read('faces/sample.json') as { inputs: string | string[] }
    const image = Buffer.from([inputs].flat()[0] ?? '', 'base64')
    const words = ['predict', 'faces', file('photo', image), '-p', 'threshold=0.5']
    const expected = [read('faces/expected.json').outputs].flat(2)
    const { outputs } = answerOf(await machine.run(words))
    expect(largestDifference([outputs].flat(), expected)).toBeLessThan(0.01)
  })

  it('passes parameters on, and refuses unknown ones', async () => {
    const { outputs } = answerOf(
      await machine.run(['predict', 'iris', '[5,3,1,0.2]', '-p', 'top_k=1']),
    )
    expect(outputs).toHaveLength(1)
    const { code, stderr } = await machine.run(['predict', 'iris', '--sample', '-p', 'topk=1'])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('"topk" is not known'),
    })
  })

  it.each([
    [['nope', 'text'], 'model_not_found'],
    [['iris@9', '--sample'], 'version_not_found'],
    [['iris', 'some text'], 'input_invalid'],
    [['iris', '@nowhere.json'], 'nowhere.json cannot be read'],
    [['iris', '--sample', '--url', 'http://127.0.0.1:1'], 'server_unreachable'],
    [['iris', '--sample', '--url', 'localhost'], 'is not an address like'],
  ])('fails with a sentence on %j', async (words, sentence) => {
    const { code, stdout, stderr } = await machine.run(['predict', ...words])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(sentence)
    expect(stderr).not.toMatch(/\n +at /)
  })

  it('replaces what its own store holds of an earlier recipe, also at the same size', async () => {
    const home = join(machine.home, 'earlier')
    await machine.run(['models', 'publish', 'iris', '--home', home])
    const stored = join(home, 'artifacts/iris/1/model.int8.onnx')
    writeFileSync(stored, readFileSync(stored).fill(0))
    const { outputs } = answerOf(await machine.run(['predict', 'iris', '--sample', '--home', home]))
    expect(outputs).toMatchObject([[{ label: 'setosa' }, {}, {}]])
  })

  it('says how a file is named that was written without its sign', async () => {
    const file = join(machine.home, 'row.json')
    writeFileSync(file, '[5.1, 3.5, 1.4, 0.2]')
    const { code, stderr } = await machine.run(['predict', 'iris', file])
    expect([code, stderr]).toEqual([1, expect.stringContaining(`write @${file}`)])
    const nowhere = await machine.run(['predict', 'iris', 'nowhere.json'])
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.not.stringContaining('@')])
    expect((await machine.run(['predict', 'iris', `@${file}`])).code).toBe(0)
  })

  it('leaves a store that others share as it is', async () => {
    const env = { PERCALL_ARTIFACTS: join(machine.home, 'shared') }
    const { code, stderr } = await machine.run(['predict', 'iris', '--sample'], {
      env: { ...env, PERCALL_HOME: join(machine.home, 'fresh') },
    })
    expect(code).toBe(1)
    expect(stderr).toContain('artifact_not_found')
    expect(stderr).toContain('percall models publish')
  })

  describe('with --url', () => {
    let url: string
    let key: string
    beforeAll(async () => {
      const server = machine.start(['dev', '--json'])
      const [, started = ''] = await server.output(/^(\{[^}]*\n\})\n/)
      ;({ url, key } = JSON.parse(started))
    })

    it('answers as it does in process, with the development key of this machine', async () => {
      const here = answerOf(await machine.run(['predict', 'iris', '--sample']))
      const there = answerOf(await machine.run(['predict', 'iris', '--sample', '--url', url]))
      expect({ ...there, timings: {} }).toEqual({ ...here, timings: {} })
    })

    it('sends an image as base64', async () => {
      const [image = ''] = [read('faces/sample.json').inputs as string | string[]].flat()
      const photo = file('photo', Buffer.from(image, 'base64'))
      const { model } = answerOf(await machine.run(['predict', 'faces', photo, '--url', url]))
      expect(model).toBe('faces')
    })

    it('takes the key of --key before PERCALL_API_KEY before that of this machine', async () => {
      const words = ['predict', 'iris', '--sample', '--url', url]
      const env = { PERCALL_API_KEY: 'no-key' }
      const refused = await machine.run(words, { env })
      expect(refused).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('api_key_malformed'),
      })
      expect((await machine.run([...words, '--key', key], { env })).code).toBe(0)
    })

    it("reports the server's own error", async () => {
      const words = ['predict', 'nope', 'text', '--url', url, '--json']
      const { code, stdout } = await machine.run(words)
      expect(code).toBe(1)
      expect(JSON.parse(stdout).error).toMatchObject({ code: 'model_not_found' })
    })
  })
})
