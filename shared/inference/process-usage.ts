import { readFileSync } from 'node:fs'

/** What a process has used so far. */
export interface ProcessUsage {
  /** Of all its threads, in user and system mode. */
  readonly cpuMs: number
  readonly rssBytes: number
}

/** Linux counts CPU time in 1/100 s towards programs (USER_HZ) on all its platforms of ours. */
const tickMs = 10

/**
 * Read from /proc; `undefined` where the process is gone, or the system has no /proc.
 * Source: proc_pid_stat(5), proc_pid_status(5)
 */
export function processUsage(pid: number): ProcessUsage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    // The name, in parentheses, may hold anything; behind it fields are parted by spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])]
    // A process that has ended and was not yet waited for has no memory.
    const rssKilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
    return { cpuMs: (userTicks + systemTicks) * tickMs, rssBytes: rssKilobytes * 1_024 }
  } catch {
    return undefined
  }
}
