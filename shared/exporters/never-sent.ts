/** Errors that come before the first byte of a request has left. */
const beforeSending = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Whether a failed call surely did not reach the server. Where that is unknown, `false`. */
export function neverSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, cause } = error as Error & { code?: unknown }
  // Where several addresses were tried, none may have got it.
  if (error instanceof AggregateError) return error.errors.every(neverSent)
  return (typeof code === 'string' && beforeSending.has(code)) || neverSent(cause)
}
