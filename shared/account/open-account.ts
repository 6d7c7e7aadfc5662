import { ServiceError } from '#shared/errors/service-error.ts'
import type { Account, AccountSettings, Ledger } from '#shared/metering/ledger.ts'

/** A tenant's account. @throws ServiceError `resource_not_found` where there is none */
export async function findAccount(
  ledger: Pick<Ledger, 'account'>,
  tenant: string,
): Promise<Account> {
  const account = await ledger.account(tenant)
  if (account) return account
  throw new ServiceError('resource_not_found', { detail: 'This tenant has no account.' })
}

/**
 * Opens an account, or changes its mode and limits.
 * @throws ServiceError `currency_mismatch`: the currency of an account is for ever
 */
export async function openAccount(
  ledger: Pick<Ledger, 'account' | 'putAccount'>,
  settings: AccountSettings,
): Promise<Account> {
  const standing = await ledger.account(settings.tenant)
  if (standing && standing.currency !== settings.currency) {
    throw new ServiceError('currency_mismatch', { detail: `It is ${standing.currency}.` })
  }
  await ledger.putAccount(settings)
  return findAccount(ledger, settings.tenant)
}
