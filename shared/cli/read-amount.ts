import { InvalidArgumentError } from 'commander'

/** `12.34` in units of the currency, as micros. */
export function readAmount(text: string): bigint {
  const [, whole, decimals = ''] = /^(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text) ?? []
  if (whole === undefined)
    throw new InvalidArgumentError('Write it like 12.34, six decimals at most.')
  return BigInt(whole + decimals.padEnd(6, '0'))
}

/** A whole number from 1. */
export function readCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 1.')
}

/** A month such as `2026-11`. */
export function readMonth(text: string): string {
  if (/^2\d{3}-(0[1-9]|1[0-2])$/.test(text)) return text
  throw new InvalidArgumentError('Write a month like 2026-11.')
}

/** A day such as `2026-11-23`, or a moment with its zone, as epoch milliseconds. */
export function readMoment(text: string): number {
  const time = /^\d{4}-\d\d-\d\d(T\S+(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (!Number.isNaN(time)) return time
  throw new InvalidArgumentError('Write a day like 2026-11-23, or 2026-11-23T12:00:00Z.')
}
