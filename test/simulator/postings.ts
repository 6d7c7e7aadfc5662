import type { Ledger } from '#shared/metering/ledger.ts'
import type { PostingPlan, Scenario } from './scenario.ts'
import type { Witness } from './witness.ts'

/** What every tenant begins with. */
export async function openAccounts(
  ledger: Ledger,
  { tenants, start }: Scenario,
  witness: Witness,
): Promise<void> {
  for (const { name, mode, limits, credits } of tenants) {
    await ledger.putAccount({ tenant: name, currency: 'USD', mode, limits })
    for (const [index, { amount, expiresInMs }] of credits.entries()) {
      const entry = newTopUp(name, `credit-${index}`, amount, start, expiresInMs)
      await witness.posted(entry, await ledger.post(entry))
    }
  }
}

/** A payment arrives, or some charge is given back in part. */
export async function postAs(
  { tenant, kind, amount, expiresInMs }: PostingPlan,
  index: number,
  ledger: Ledger,
  time: number,
  sold: ReadonlyMap<string, { tenant: string }>,
): Promise<void> {
  const topUp = newTopUp(tenant.name, `${kind}-${index}`, amount, time, expiresInMs)
  if (kind === 'topup') return void (await ledger.post(topUp))
  const charges = [...sold].filter(([, charge]) => charge.tenant === tenant.name)
  const [reference = 'nothing'] = charges[index % (charges.length || 1)] ?? []
  await ledger.post({ ...topUp, type: 'refund', reference, creditExpiresAt: undefined })
}

const newTopUp = (
  tenant: string,
  id: string,
  amount: bigint,
  at: number,
  expiresInMs: number | undefined,
) => ({
  tenant,
  id,
  type: 'topup' as const,
  amount,
  currency: 'USD',
  at,
  sale: undefined,
  units: {},
  reference: 'payment',
  creditExpiresAt: expiresInMs === undefined ? undefined : at + expiresInMs,
})
