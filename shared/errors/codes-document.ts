import { errorCodes } from './error-codes.ts'

/** `CODES.md`: every code for people to read. A test compares it with the file. */
export function codesDocument(): string {
  const items = Object.entries(errorCodes).map(
    ([code, { status, retryable, title, fix }]) =>
      `- \`${code}\` (${status}${retryable ? ', may help to retry' : ''}): ${title} ${fix}`,
  )
  return `# Error codes

Written by \`node shared/errors/write-codes.ts\` from \`error-codes.ts\`; do not edit it by hand.

The plain routes answer with problem details (RFC 9457) that carry the code. The Open Inference
Protocol answers \`{"error": "code: …"}\`; there 422 becomes 400, and an unknown Content-Encoding 501.

${items.join('\n')}
`
}
