import { readdirSync, readFileSync } from 'node:fs'
import { processUsage } from '#shared/inference/process-usage.ts'

/** What processes have used so far. */
export interface ProcessUse {
  readonly cpuMs: number
  /** Of the largest of them, at its largest. */
  readonly peakMB: number
}

/** The processes that this one has started and that still live. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  )
}

/** Linux only. Source: proc_pid_status(5), VmHWM */
export function processUse(pids: readonly number[]): ProcessUse {
  let cpuMs = 0
  let peakMB = 0
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const peakKilobytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1])
    cpuMs += processUsage(pid)?.cpuMs ?? 0
    peakMB = Math.max(peakMB, (peakKilobytes * 1_024) / 1e6)
  }
  return { cpuMs, peakMB }
}
