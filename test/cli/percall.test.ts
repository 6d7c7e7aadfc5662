import { afterAll, describe, expect, it } from 'vitest'
import { newMachine } from './command-line.ts'

const machine = newMachine()
afterAll(() => machine[Symbol.dispose]())

const commands = [
  ['dev'],
  ['predict'],
  ['batch', 'submit'],
  ['batch', 'list'],
  ['batch', 'resume'],
  ['batch', 'audit'],
  ['models', 'list'],
  ['models', 'show'],
  ['models', 'publish'],
  ['keys', 'create'],
  ['keys', 'list'],
  ['keys', 'limit'],
  ['keys', 'rotate'],
  ['keys', 'revoke'],
  ['credits', 'list'],
  ['credits', 'add'],
  ['usage'],
  ['invoice', 'show'],
  ['invoice', 'verify'],
  ['doctor'],
]

describe('percall', () => {
  it.each(commands)('shows examples and --json in the help of %s %s', async (...words) => {
    const { code, stdout } = await machine.run([...words.filter(Boolean), '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/Examples?:\n {2}\$ (percall|PERCALL)/)
    expect(stdout).toContain('--json')
  })

  it('tells the exit codes in its help, and its version', async () => {
    const help = await machine.run(['--help'])
    expect(help.stdout).toContain('Exit codes: 0')
    const version = await machine.run(['--version'])
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  it('suggests the nearest command and exits with 2', async () => {
    const { code, stdout, stderr } = await machine.run(['predcit'])
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('Did you mean predict?')
  })

  it.each([
    [['predict']],
    [['predict', 'iris']],
    [['predict', 'iris', 'text', '--sample']],
    [['predict', 'iris', '--sample', '-p', 'top_k']],
    [['dev', '--port', '70000']],
    [['batch', 'submit', 'a.jsonl']],
    [['batch', 'submit', 'a.jsonl', '-m', 'spam', '--exact']],
    [['batch', 'show', 'job_1']],
    [['models']],
    [['models', 'publish']],
    [['keys', 'create']],
    [['keys', 'create', '--name', 'a', '--scope', 'everything']],
    [['keys', 'create', '--name', 'a', '--mode', 'free']],
    [['keys', 'create', '--name', 'a', '--expires-in-days', '0']],
    [['credits', 'add', '5']],
    [['keys', 'rotate']],
    [['keys', 'create', '--name', 'a', '--monthly-cap', '-1']],
    [['usage', '--bucket', '1s']],
    [['usage', '--from', 'yesterday']],
    [['invoice', 'verify']],
    [['doctor', '--nonsense']],
  ])('exits with 2 where %j was asked for wrongly', async (words) => {
    const { code, stdout, stderr } = await machine.run(words)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).not.toBe('')
  })

  it('says what, why and how to fix, with neither stack nor colours', async () => {
    const { code, stdout, stderr } = await machine.run(['models', 'show', 'nope'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.split('\n')).toEqual([
      '✖ There is no model of this name. (model_not_found)',
      '  There is no model "nope".',
      '  → List the models with "percall models list".',
      '',
    ])
  })

  it('shows where a failure came from when it is debugged', async () => {
    const env = { PERCALL_LOG: 'debug' }
    const { stderr } = await machine.run(['models', 'show', 'nope'], { env })
    expect(stderr).toMatch(/\n {4}at .*catalog\.ts:\d+/)
  })

  it('reports a failure as JSON on standard output where JSON was asked for', async () => {
    const { code, stdout, stderr } = await machine.run(['models', 'show', 'nope', '--json'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'model_not_found',
        title: 'There is no model of this name.',
        detail: 'There is no model "nope".',
        fix: 'List the models with "percall models list".',
      },
    })
  })

  it('names the variable that is set wrongly', async () => {
    const { code, stderr } = await machine.run(['models', 'list'], { env: { PORT: 'http' } })
    expect(code).toBe(1)
    expect(stderr).toContain('PORT')
    expect(stderr).toContain('configuration_invalid')
  })

  it('says so where the folder of models does not exist', async () => {
    const { code, stderr } = await machine.run(['models', 'list', '--models', 'nowhere'])
    expect(code).toBe(1)
    expect(stderr).toContain('There is no folder of models at nowhere.')
  })
})
