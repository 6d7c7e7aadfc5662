import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

export interface CpuShareSources {
  parallelism?: number
  /** Content of cgroup v2's `cpu.max`: `max 100000` or `<quota> <period>`, in microseconds. */
  cgroupCpuMax?: string | undefined
  /** Lambda gives one CPU for each 1,769 MB of memory (AWS Lambda developer guide, "memory"). */
  lambdaMemoryMB?: number | undefined
}

/** How many CPUs this process may use, as a fraction: the smallest of all limits in force. */
export function cpuShare({
  parallelism = availableParallelism(),
  cgroupCpuMax = readCgroupCpuMax(),
  lambdaMemoryMB,
}: CpuShareSources = {}): number {
  const [quota, period] = (cgroupCpuMax ?? '').trim().split(' ').map(Number)
  const limits = [parallelism]
  if (quota && period) limits.push(quota / period)
  if (lambdaMemoryMB) limits.push(lambdaMemoryMB / 1_769)
  return Math.min(...limits)
}

/** Threads for one session: whole CPUs only, since two threads on one CPU are slower than one. */
export function threadCount(share: number, sessions = 1): number {
  return Math.max(1, Math.floor(share / sessions))
}

function readCgroupCpuMax(): string | undefined {
  try {
    return readFileSync('/sys/fs/cgroup/cpu.max', 'utf8')
  } catch {
    return undefined
  }
}
