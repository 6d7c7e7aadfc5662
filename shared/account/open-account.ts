import { ServiceError } from '#shared/errors/service-error.ts'
import { isUncapped } from '#shared/metering/counter-holds.ts'
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
 * Opens an account, or changes its mode and limits; whether it is trusted, how it is metered and over
 * how many shards it is spread stay as they were where the settings do not say.
 * @throws ServiceError `currency_mismatch`: the currency of an account is for ever;
 *   `parameter_invalid`: this account cannot be metered so
 */
export async function openAccount(
  ledger: Pick<Ledger, 'account' | 'createAccount' | 'putAccount'>,
  settings: AccountSettings,
): Promise<Account> {
  // Of two that open it at the same time one is the second.
  if ((await ledger.createAccount(checked(settings))) === 'exists') {
    const before = await findAccount(ledger, settings.tenant)
    const { currency } = before
    if (currency !== settings.currency) {
      throw new ServiceError('currency_mismatch', { detail: `It is ${currency}.` })
    }
    const changed = {
      ...settings,
      trusted: settings.trusted ?? before.trusted,
      metering: settings.metering ?? before.metering,
      shards: settings.shards ?? before.shards,
    }
    await ledger.putAccount(checked(changed))
  }
  return findAccount(ledger, settings.tenant)
}

/** A charge that no hold goes before can be checked by no cap. */
function checked(settings: AccountSettings): AccountSettings {
  const { metering, mode, limits } = settings
  if (metering !== 'single-write' || (mode === 'postpaid' && isUncapped({ limits })))
    return settings
  throw new ServiceError('parameter_invalid', {
    detail: 'Only postpaid accounts without caps can be metered with a single write.',
  })
}
