import { cpus, totalmem } from 'node:os'

/** The line that every figure needs beside it. */
export function hardware(now: Date): string {
  const [cpu] = cpus()
  const memoryGiB = Math.round(totalmem() / 2 ** 30)
  return [
    `${cpus().length} vCPU (${cpu?.model.trim()})`,
    `${memoryGiB} GiB`,
    `Node ${process.versions.node}`,
    now.toISOString().slice(0, 10),
  ].join(', ')
}
