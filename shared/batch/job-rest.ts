import type { Job, JobRest } from './job.ts'

/** What a job that is paused notes of its pauses. */
export const restFrom = ({ rest }: Job, at: number): JobRest => ({ ms: rest?.ms ?? 0, since: at })

/** What a job notes that is paused no longer; nothing where it was not. */
export function restUntil({ state, rest }: Job, at: number): { rest?: JobRest } {
  if (state !== 'paused' || !rest) return {}
  return { rest: { ms: rest.ms + Math.max(0, at - rest.since), since: rest.since, until: at } }
}
