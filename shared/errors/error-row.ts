/** A row of the table of error codes; `error-codes.ts` says what its columns mean. */
export function errorRow(status: number, retryable: boolean, title: string, fix: string) {
  return { status, retryable, title, fix } as const
}
