import { createHash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { EntryPage } from '#shared/metering/ledger.ts'

type Place = NonNullable<EntryPage['next']>

/**
 * A place in a tenant's ledger as an opaque word. It is bound to the tenant by a digest, which needs
 * no secret: a cursor shows nobody more than his own ledger, the digest only tells whose it is.
 */
export const ledgerCursor = {
  write: (tenant: string, { at, id }: Place): string =>
    Buffer.from(JSON.stringify([at, id, digestOf(tenant, at, id)])).toString('base64url'),

  /** @throws ServiceError `cursor_invalid`; `resource_not_found` where it is another tenant's */
  read(tenant: string, text: string): Place {
    const [at, id, digest] = parse(text)
    if (!Number.isSafeInteger(at) || typeof id !== 'string' || typeof digest !== 'string') {
      throw new ServiceError('cursor_invalid')
    }
    if (digest !== digestOf(tenant, at as number, id)) throw new ServiceError('resource_not_found')
    return { at: at as number, id }
  },
}

function parse(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

const digestOf = (tenant: string, at: number, id: string) =>
  createHash('sha256')
    .update(JSON.stringify([tenant, at, id]))
    .digest('base64url')
    .slice(0, 22)
