import { errorCodes } from './error-codes.ts'

/** `CODES.md`: every code for people to read. A test compares it with the file. */
export function codesDocument(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, { status, retryable, title, fix }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${title} ${fix} |`,
  )
  return `# Error codes

Written by \`node shared/errors/write-codes.ts\` from \`error-codes.ts\`; do not edit it by hand.

The plain routes answer with problem details (RFC 9457) that carry the code. The Open Inference
Protocol answers \`{"error": "code: …"}\`; there 422 becomes 400, and an unknown Content-Encoding 501.
"Retry" says whether the same request may succeed later.

| code | status | retry | what it means and what to do |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}
