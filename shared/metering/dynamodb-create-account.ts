import { ledgerActions } from './dynamodb-ledger-actions.ts'
import type { LedgerTable } from './dynamodb-ledger-table.ts'
import { openAccount } from './dynamodb-open-account.ts'
import type { AccountSettings } from './ledger.ts'

/** The account, and its name in the list of tenants, where there is none. */
export function createAccount(
  table: LedgerTable,
  settings: AccountSettings,
): Promise<'created' | 'exists'> {
  const [account, ...others] = openAccount(ledgerActions(table.name), settings, undefined)
  return table.transact<'created' | 'exists'>(async () => ({
    steps: [
      { action: account, refused: () => 'exists' },
      ...others.map((action) => ({ action, refused: () => undefined })),
    ],
    done: async () => 'created',
  }))
}
