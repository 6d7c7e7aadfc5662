import { errorRow as row } from './error-row.ts'

/** What can go wrong about calls that are put off: a part of the table of error codes. */
export const jobErrorCodes = {
  job_ended: row(
    409,
    false,
    'The job has ended already.',
    'Fetch its answer at GET /v1/jobs/{id}/result.',
  ),
  job_cancelled: row(409, false, 'The job was cancelled.', 'Send the call again, as a new one.'),
  job_given_up: row(
    500,
    false,
    'Each time that the job was tried, its worker died or failed.',
    'Send less at once; if it happens again, report the id of the job.',
  ),
  webhook_refused: row(
    422,
    false,
    'The address of the webhook cannot be called.',
    'Name an https URL on port 443 or 8443 of a host that everybody can reach.',
  ),
  webhook_secret_missing: row(
    409,
    false,
    'There is no secret to sign webhooks with.',
    'Make one with POST /v1/webhook-secret.',
  ),
} as const
