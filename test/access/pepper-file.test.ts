import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readPepperFile } from '#shared/access/pepper-file.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-pepper-'))
afterAll(() => rmSync(directory, { recursive: true }))

test('makes a pepper of 256 bits at first use and reads the same one ever after', () => {
  const path = join(directory, 'home/pepper')
  const pepper = readPepperFile(path)
  expect(pepper).toMatch(/^[\w-]{43}$/)
  expect(readPepperFile(path)).toBe(pepper)
  expect(readPepperFile(join(directory, 'other'))).not.toBe(pepper)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(directory, 'home'))).toEqual(['pepper'])
})

test('gives processes that start together the same pepper', async () => {
  const path = join(directory, 'together')
  const program = `
    const { readPepperFile } = await import('#shared/access/pepper-file.ts')
    process.stdout.write(readPepperFile(${JSON.stringify(path)}))`
  const peppers = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program])
      let output = ''
      child.stdout.on('data', (chunk) => {
        output += chunk
      })
      await once(child, 'close')
      return output
    }),
  )
  expect(new Set(peppers)).toEqual(new Set([readFileSync(path, 'utf8').trim()]))
})

test('refuses a file that is too short to be a pepper instead of replacing it', () => {
  const path = join(directory, 'short')
  writeFileSync(path, 'truncated')
  const refusal = expect.objectContaining({ code: 'configuration_invalid' })
  expect(() => readPepperFile(path)).toThrow(refusal)
  expect(readFileSync(path, 'utf8')).toBe('truncated')
})
