import { ServiceError } from '#shared/errors/service-error.ts'

/** @throws ServiceError `too_many_rows` */
export function refuseTooManyRows(rows: number, limit: number): void {
  if (rows <= limit) return
  throw new ServiceError('too_many_rows', {
    detail: `${rows} inputs were sent; at most ${limit} are taken in one call.`,
  })
}
