import { expect, test } from 'vitest'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'

test.each([
  ['the CPUs that are seen', { parallelism: 4, cgroupCpuMax: undefined }, 4],
  ['a container without a quota', { parallelism: 4, cgroupCpuMax: 'max 100000\n' }, 4],
  ['a quota of one and a half', { parallelism: 4, cgroupCpuMax: '150000 100000\n' }, 1.5],
  ['a quota above the CPUs', { parallelism: 2, cgroupCpuMax: '400000 100000' }, 2],
  ['one CPU of Lambda', { parallelism: 2, cgroupCpuMax: '', lambdaMemoryMB: 1_769 }, 1],
  [
    'the largest function',
    { parallelism: 6, cgroupCpuMax: '', lambdaMemoryMB: 10_240 },
    10_240 / 1_769,
  ],
  ['what cannot be read', { parallelism: 3, cgroupCpuMax: 'nonsense' }, 3],
])('is the smallest limit: %s', (_, sources, share) => {
  expect(cpuShare(sources)).toBe(share)
})

test('gives whole threads, one at least', () => {
  expect([0.3, 1, 1.9, 2, 5.8].map((share) => threadCount(share))).toStrictEqual([1, 1, 1, 2, 5])
  expect(threadCount(4, 2)).toBe(2)
  expect(threadCount(1, 8)).toBe(1)
})
