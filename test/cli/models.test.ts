import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Machine, newMachine } from './command-line.ts'

let machine: Machine
beforeEach(() => {
  machine = newMachine()
})
afterEach(() => machine[Symbol.dispose]())

const irisFile = () => join(machine.models, 'iris/model.int8.onnx')
const irisManifest = () =>
  JSON.parse(readFileSync(join(machine.models, 'iris/manifest.json'), 'utf8')) as {
    artifact: { key: string; sha256: string; bytes: number }
  }
const stored = () => join(machine.home, 'artifacts', irisManifest().artifact.key)

function spoil(file: string): void {
  const bytes = readFileSync(file)
  bytes[100] = (bytes[100] ?? 0) ^ 1
  writeFileSync(file, bytes)
}

describe('percall models', () => {
  it('lists the models as a table', async () => {
    const { code, stdout } = await machine.run(['models', 'list'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^model +version +task +size/)
    expect(stdout).toMatch(/\niris +1 +tabular-classification/)
  })

  it('lists the models as JSON as the server does', async () => {
    const { stdout } = await machine.run(['models', 'list', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      object: 'list',
      models: ['iris', 'language-id'],
      data: [{ id: 'iris', object: 'model' }, { id: 'language-id' }],
    })
  })

  it('shows what one version of a model takes and weighs', async () => {
    const { artifact } = irisManifest()
    const table = await machine.run(['models', 'show', 'iris@1'])
    expect(table.stdout).toContain(artifact.sha256)
    const { stdout } = await machine.run(['models', 'show', 'iris', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'iris',
      artifact: { sha256: artifact.sha256, bytes: artifact.bytes },
      sample: { inputs: [[5.1, 3.5, 1.4, 0.2]] },
    })
  })

  it('says of a heavy model that its calls are put off', async () => {
    const env = { PERCALL_MODELS: resolve('models') }
    const { stdout } = await machine.run(['models', 'show', 'text-detection'], { env })
    expect(stdout).toMatch(/heavy.*put off/)
    expect((await machine.run(['models', 'show', 'iris'])).stdout).not.toContain('heavy')
  })

  it('names the file and the field of a manifest that is wrong', async () => {
    const file = join(machine.models, 'iris/manifest.json')
    writeFileSync(file, JSON.stringify({ ...irisManifest(), version: 'one' }))
    const { code, stderr } = await machine.run(['models', 'list'])
    expect(code).toBe(1)
    expect(stderr).toContain(file)
    expect(stderr).toContain('version')
  })

  it('publishes a file once, however often it is told to', async () => {
    const first = await machine.run(['models', 'publish', 'iris', '--json'])
    const again = await machine.run(['models', 'publish', 'iris', '--json'])
    const { key, bytes } = irisManifest().artifact
    const published = (outcome: string) => ({
      store: expect.stringContaining('artifacts'),
      published: [{ model: 'iris', version: '1', key, bytes, outcome }],
    })
    expect(JSON.parse(first.stdout)).toEqual(published('published'))
    expect(JSON.parse(again.stdout)).toEqual(published('already there'))
    expect(readFileSync(stored())).toEqual(readFileSync(irisFile()))
  })

  it('publishes every model with --all, into the store that PERCALL_ARTIFACTS names', async () => {
    const env = { PERCALL_ARTIFACTS: join(machine.home, 'elsewhere') }
    const { code, stdout } = await machine.run(['models', 'publish', '--all'], { env })
    expect(code).toBe(0)
    expect(stdout).toMatch(/iris\/1\/.* published\n.*language-id\/1\/.* published\n/)
    expect(stdout).toContain('elsewhere')
  })

  it('publishes a file that lies elsewhere, and leaves out with --all what is yet to be made', async () => {
    const manifest = irisManifest()
    const { file: _, ...artifact } = { file: '', ...manifest.artifact, source: 'its recipe' }
    const made = join(machine.models, 'made.onnx')
    writeFileSync(made, readFileSync(irisFile()))
    const described = JSON.stringify({ ...manifest, artifact })
    writeFileSync(join(machine.models, 'iris/manifest.json'), described)
    const all = await machine.run(['models', 'publish', '--all'])
    expect([all.code, all.stdout]).toEqual([0, expect.stringContaining('comes from its recipe')])
    expect(all.stdout).toMatch(/language-id\/1\/.* published\n/)
    const { code } = await machine.run(['models', 'publish', 'iris', '--file', made])
    expect(code).toBe(0)
    expect(readFileSync(stored())).toEqual(readFileSync(made))
  })

  it('refuses a file that is not the one of its manifest, also where the store has the right one', async () => {
    await machine.run(['models', 'publish', 'iris'])
    const right = readFileSync(stored())
    spoil(irisFile())
    const { code, stderr } = await machine.run(['models', 'publish', 'iris'])
    expect(code).toBe(1)
    expect(stderr).toContain('artifact_digest_mismatch')
    expect(stderr).toContain('Run the recipe again')
    expect(readFileSync(stored())).toEqual(right)
  })

  it('replaces a file in the store that is damaged but of the right size', async () => {
    await machine.run(['models', 'publish', 'iris'])
    spoil(stored())
    const { code, stdout } = await machine.run(['models', 'publish', 'iris'])
    expect(code).toBe(0)
    expect(stdout).toContain('repaired')
    expect(readFileSync(stored())).toEqual(readFileSync(irisFile()))
  })

  it('fails on a model that does not exist before it publishes any', async () => {
    const { code, stderr } = await machine.run(['models', 'publish', 'iris', 'nope'])
    expect(code).toBe(1)
    expect(stderr).toContain('model_not_found')
    expect(() => readFileSync(stored())).toThrow('ENOENT')
  })
})
