import { errorCodes } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { PartLine, RecordError } from '../chunk.ts'

/** A line of a part. The order of its members is the one they are given in. */
export const partLine = (line: Exclude<PartLine, { outputs: unknown }>): string =>
  JSON.stringify(line)

/** A part of lines that no model was asked for. */
export const partOf = (lines: readonly PartLine[]): Uint8Array =>
  Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

/** The line of a result up to its outputs, `{"id":7,"outputs":`. */
export function resultStart(head: object): string {
  const start = JSON.stringify(head).slice(0, -1)
  return `${start}${start.length > 1 ? ',' : ''}"outputs":`
}

/** The line of a result; `undefined` where JSON cannot carry it. */
export function resultLine(start: string, outputs: unknown): string | undefined {
  const json = JSON.stringify(outputs)
  // A number that is not finite becomes `null`; without that word there is none to look for.
  if (json === undefined || (json.includes('null') && !isCarried(outputs))) return undefined
  return `${start}${json}}`
}

/** The line of a call, whose answer is JSON already. */
export const callLine = (customId: string, statusCode: number, json: string): string =>
  `{"custom_id":${JSON.stringify(customId)},"response":{"status_code":${statusCode},"body":${json}}}`

/** Whatever was thrown, as the failure of one record. */
export function recordFailure(thrown: unknown): ServiceError {
  const error = ServiceError.from(thrown)
  // Whether the allocator gave up first or the process was ended for its size is chance.
  return error.code === 'out_of_memory' ? new ServiceError('record_out_of_memory') : error
}

/** What is said of a record for whatever was thrown. */
export function recordError(thrown: unknown): RecordError {
  const { code, title, detail } = recordFailure(thrown)
  return { code, detail: detail ?? title }
}

export const errorOf = (code: keyof typeof errorCodes): RecordError => ({
  code,
  detail: errorCodes[code].title,
})

/** Whether JSON can carry the numbers of a value. */
export function isCarried(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.values(value).every(isCarried)
}
