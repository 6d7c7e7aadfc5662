import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { elfMachine } from '#functions/packaging/elf-machine.ts'
import { listFunctionFolders, repositoryRoot } from '#functions/packaging/function-folder.ts'
import { onnxRuntimeFiles } from '#functions/packaging/onnx-runtime-files.ts'
import { packageFunction } from '#functions/packaging/package-function.ts'
import { writeZip } from '#functions/packaging/write-zip.ts'
import { readZip } from '#test/lambda/read-zip.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'percall-packaging-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('a zip', () => {
  const timeZone = process.env.TZ
  afterEach(() => {
    process.env.TZ = timeZone
  })

  it('has the same bytes for the same files, in any order and time zone', async () => {
    const [a, b] = [Buffer.from('a'.repeat(1_000)), Buffer.from('b')]
    process.env.TZ = 'Asia/Tokyo'
    const one = await writeZip({ 'a.txt': a, 'models/b.json': b })
    process.env.TZ = 'America/Los_Angeles'
    const other = await writeZip({ 'models/b.json': b, 'a.txt': a })
    expect(other.equals(one)).toBe(true)
    expect([...readZip(one)]).toEqual([
      ['a.txt', a],
      ['models/b.json', b],
    ])
  })
})

describe('the native runtime', () => {
  it.each([
    ['arm64', 183],
    ['x86_64', 62],
  ] as const)('for %s is two files of that processor', (architecture, machine) => {
    const files = onnxRuntimeFiles(architecture)
    expect(Object.keys(files)).toEqual(['onnxruntime_binding.node', 'libonnxruntime.so.1'])
    expect(Object.values(files).map(elfMachine)).toEqual([machine, machine])
  })

  it('is refused where a file is for another processor', () => {
    const there = join(folder, 'bin/napi-v6/linux/arm64')
    mkdirSync(there, { recursive: true })
    for (const [name, bytes] of Object.entries(onnxRuntimeFiles('x86_64'))) {
      writeFileSync(join(there, name), bytes.subarray(0, 64))
    }
    expect(() => onnxRuntimeFiles('arm64', folder)).toThrow(/is for ELF machine 62, not 183/)
  })

  it('is no ELF file where it is something else', () => {
    expect(elfMachine(Buffer.from('#!/bin/sh\necho this is a script'))).toBeUndefined()
    expect(elfMachine(Buffer.alloc(3))).toBeUndefined()
  })
})

describe('packaging', () => {
  const iris = () => {
    const found = listFunctionFolders().find(({ name }) => name === 'iris')
    if (!found) throw new Error('There is no functions/iris.')
    return found
  }

  it('fails on a bad manifest and says which file and what is wrong', async () => {
    cpSync(join(repositoryRoot, 'models/iris'), join(folder, 'iris'), { recursive: true })
    const file = join(folder, 'iris/manifest.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...manifest, version: 'one' }))
    const attempt = packageFunction(iris(), { modelsFolder: folder })
    await expect(attempt).rejects.toThrow(/iris\/manifest\.json.*\n.*decimal integer/)
  })

  it('fails where a function serves a model that has no folder', async () => {
    const orphan = { ...iris(), model: undefined }
    await expect(packageFunction(orphan)).rejects.toThrow(/models\/iris\/manifest\.json is missing/)
  })
})
