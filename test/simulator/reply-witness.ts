import type { Ledger } from '#shared/metering/ledger.ts'
import { type Attempt, readAnswer, textOf } from './attempt.ts'
import type { Report } from './books.ts'
import type { ClientPlan, TenantPlan } from './scenario.ts'
import type { Reply } from './serve.ts'
import type { Witness } from './witness.ts'

export interface ReplyWitnessOptions {
  readonly witness: Witness
  readonly ledger: Ledger
  readonly report: Report
  readonly count: (event: string) => void
  readonly log: (actor: string, what: () => string) => void
}

export type ReplyWitness = ReturnType<typeof createReplyWitness>

/** Sees what leaves: whether it is paid for, is the caller's own, and is what left before. */
export function createReplyWitness({ witness, ledger, report, count, log }: ReplyWitnessOptions) {
  const satisfied = new Set<string>()
  /** The first answer of each (tenant, idempotency key). */
  const first = new Map<string, { text: string; requestKey: string }>()
  const delivered = new Map<string, { tenant: string; requestKey: string }>()
  const all: string[] = []

  /** I3, I8, I9, I10 for an answer that says "success". */
  async function checkSuccess({ client, call }: Attempt, text: string, charge: bigint) {
    const answer = readAnswer(text)
    const author = witness.attempts.get(answer.attempt)
    if (!author) return report('I3', `nobody has worked out "${text}"`)
    const tenant = client.tenant.name
    if (answer.tenant !== tenant) report('I9', `${tenant} was given "${text}"`)
    if (answer.payload !== client.payload)
      report('I8', `asked ${client.payload}, was given "${text}"`)
    if (client.kind !== 'keyed' && author.call.keyId !== call.keyId) {
      report('I9', `${call.keyId} was given what ${author.call.keyId} had bought`)
    }
    const [requestKey, sale] =
      [...witness.books.sold].find(([, { fence }]) => fence === author.id) ?? []
    if (!sale || requestKey === undefined) return report('I3', `"${text}" left without a charge`)
    if (sale.body !== text) report('I8', `"${text}" left, "${sale.body}" is stored`)
    if (sale.charge !== charge) report('I11', `${charge} was told, ${sale.charge} was charged`)
    const stored = await ledger.find(sale.tenant, requestKey)
    if (stored?.state !== 'done') report('I3', `"${text}" left, its request is ${stored?.state}`)
    delivered.set(requestKey, { tenant, requestKey })
    if (client.kind !== 'keyed') return
    const name = `${tenant} ${client.idempotencyKey}`
    const before = first.get(name)
    if (!before) first.set(name, { text, requestKey })
    else if (before.text !== text) report('I8', `${name}: "${before.text}", then "${text}"`)
  }

  return {
    all,
    /** Requests whose answers have left. */
    delivered,
    /** Has its answer already. */
    has: ({ name }: ClientPlan) => satisfied.has(name),

    async leaves(attempt: Attempt, tenant: TenantPlan, reply: Reply, isLost: boolean) {
      const { id, client } = attempt
      if (reply.kind === 'refused') {
        const { code, cause } = reply.error
        log(id, () => `replies ${code}`)
        all.push(`${id} ${code}`)
        count(code)
        if (code === 'internal' && !attempt.isGuarded) report('crash', `${id} failed: ${cause}`)
        return
      }
      const { answer, charge, replayed } = reply.receipt
      const text = textOf(answer.body)
      log(id, () => `replies ${answer.status} "${text}"${replayed ? ', a replay' : ''}`)
      all.push(`${id} ${answer.status} ${text} ${charge} ${replayed}`)
      count(replayed ? 'replayed' : 'answered')
      if (!isLost) satisfied.add(client.name)
      if (answer.status === 200) return checkSuccess(attempt, text, charge)
      if (charge !== 0n) report('I10', `${tenant.name} pays ${charge} for "${text}"`)
    },
  }
}
