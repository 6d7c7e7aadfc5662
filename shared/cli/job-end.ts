import { setTimeout as sleep } from 'node:timers/promises'

/** Between two looks. */
const everyMs = 500

/** Looks at a call that was put off until it has ended. */
export async function jobEnd<Job extends { readonly state: string }>(
  look: () => Promise<Job>,
): Promise<Job> {
  for (;;) {
    const job = await look()
    if (job.state !== 'queued' && job.state !== 'running') return job
    await sleep(everyMs)
  }
}
