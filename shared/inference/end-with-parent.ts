import { Worker } from 'node:worker_threads'

/** Runs in a thread of its own, since the main one may be inside a native call for ever. */
const watch = `
const { workerData } = require('node:worker_threads')
setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL')
}, 1_000)
`

/**
 * Ends this process once its parent is gone, killed for instance: nobody would otherwise stop a run
 * that hangs. To be called by a killable process.
 */
export function endWithParent(): void {
  process.once('disconnect', () => process.exit())
  const thread = new Worker(watch, {
    eval: true,
    workerData: process.ppid,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  })
  thread.unref()
}
