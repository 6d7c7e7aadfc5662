import { InvalidArgumentError } from 'commander'

/** The id of a job, as an argument. */
export function jobId(text: string): string {
  if (/^job_[0-9a-f]{32}$/.test(text)) return text
  throw new InvalidArgumentError('An id looks like job_ and 32 digits.')
}

/** For examples of help. */
jobId.example = 'job_2ddb3f3a73ce8b484fc55c93953bcb1c'
