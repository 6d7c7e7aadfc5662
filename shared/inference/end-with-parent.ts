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
  // A terminal's Ctrl+C and a supervisor's stop reach the whole group. The parent may let the work end;
  // ended by itself, this process would look as if the model had crashed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const thread = new Worker(watch, {
    eval: true,
    workerData: process.ppid,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  })
  thread.unref()
}
