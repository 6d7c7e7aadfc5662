import { expect, test } from 'vitest'
import { cpuClass } from '#shared/batch/scoring/cpu-class.ts'

test.each([
  ['x64', 'flags\t\t: fpu sse2 avx avx2', 'x64-avx2'],
  ['x64', 'flags\t\t: fpu avx avx2 avx_vnni', 'x64-avx2-vnni'],
  ['x64', 'flags\t\t: avx avx2 avx512f avx512bw', 'x64-avx512'],
  ['x64', 'flags\t\t: avx avx2 avx512f avx512_vnni', 'x64-avx512-vnni'],
  ['x64', 'flags\t\t: avx2 avx512f avx512_vnni amx_int8', 'x64-avx512-vnni-amx'],
  ['arm64', 'Features\t: fp asimd aes', 'arm64'],
  ['arm64', 'Features\t: fp asimd asimddp', 'arm64-dotprod'],
  ['arm64', 'Features\t: fp asimd asimddp i8mm', 'arm64-i8mm'],
  ['arm64', 'Features\t: asimddp sve i8mm bf16', 'arm64-i8mm-sve'],
  ['x64', '', 'x64'],
])('names the class of %s with "%s"', (architecture, line, expected) => {
  const cpuinfo = `processor\t: 0\n${line}\nbogomips\t: 1\n\nprocessor\t: 1\n${line}\n`
  expect(cpuClass({ architecture, cpuinfo })).toBe(expected)
})

test('names the class of this machine, always the same', () => {
  expect(cpuClass()).toMatch(new RegExp(`^${process.arch}`))
  expect(cpuClass()).toBe(cpuClass())
})
