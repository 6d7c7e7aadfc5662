import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageFunction } from '#functions/packaging/package-function.ts'
import { readZip } from '#test/lambda/read-zip.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'percall-scoring-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const modelFile = resolve(import.meta.dirname, '../../models/iris/model.int8.onnx')
const handlerFile = join(import.meta.dirname, 'fixtures/scoring-function.ts')

test('a package that scores batches carries the program of its processes, and it runs', async () => {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64'
  const { zip } = await packageFunction(
    { name: 'scoring', handlerFile, model: undefined },
    { architecture },
  )
  for (const [path, bytes] of readZip(zip)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  const script = `
    import { scoreIris } from './handler.mjs'
    console.log(await scoreIris(${JSON.stringify(modelFile)}, '[5.1, 3.5, 1.4, 0.2]'))`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { cwd: folder },
  )
  expect(JSON.parse(stdout)).toMatchObject({ outputs: [{ label: 'setosa' }] })
}, 60_000)
