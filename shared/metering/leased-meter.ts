import { ServiceError } from '#shared/errors/service-error.ts'
import { type BlockSales, type CallBlock, createCallBlock } from './call-block.ts'
import { counterHolds, isUncounted, limitedParties } from './counter-holds.ts'
import { isUnavailable } from './is-unavailable.ts'
import type { Account, Lease, Reservation } from './ledger.ts'
import { mayComeAgain } from './may-come-again.ts'
import { meterDefaults } from './meter-defaults.ts'
import type { Meter, MeterOptions, PaidCall, Ticket } from './metered-call.ts'
import type { Micros } from './money.ts'
import { chargeOf, type Price } from './price-book.ts'
import type { RecentAccount } from './recent-accounts.ts'
import { saleOf } from './sale-of.ts'
import { createSurely } from './surely.ts'

export interface LeasedMeterOptions extends MeterOptions {
  /** For all other calls. */
  meter: Meter
  recentAccount: RecentAccount
  /** Calls that one hold pays. */
  blockCalls?: number
  /** Blocks of this process that are not settled: with their calls, all that a crash can lose. */
  mostBlocks?: number
  /** How long a block is drawn from. */
  blockMs?: number
  /** Like `sleep`, but keeps no process alive. */
  idle?: (ms: number) => Promise<unknown>
  /** What was answered and can no longer be charged. */
  onLost?: (lost: { readonly tenant: string } & BlockSales) => void
}

/** The meter of a process that lives long enough to settle what it has sold. */
export interface LeasedMeter extends Meter {
  /** Settles all blocks, as long as their leases last. Later calls go to the other meter. */
  close(): Promise<void>
}

interface LeasedBlock {
  readonly lease: Lease
  readonly block: CallBlock
  readonly price: Price
  /** When it was opened. */
  readonly account: Account
  readonly drawUntil: number
  settled?: Promise<void>
}

/** After a refusal: until then calls pay one by one. */
const refusedMs = 1_000
/** A call may find the block spent, and so may all who waited with it for the next one. */
const mostLooks = 3

/**
 * The meter, which holds the money of many calls at once where the account says so, answers from
 * memory and settles when the hold is spent or old. What it holds it may spend, so no cap is passed
 * and nothing is charged that was not answered; but a process that dies takes its open blocks with
 * it, and the sweeper gives their money back.
 */
export function createLeasedMeter({
  meter,
  recentAccount,
  blockCalls = 100,
  mostBlocks = 10,
  blockMs = 5_000,
  idle,
  onLost = () => undefined,
  ...options
}: LeasedMeterOptions): LeasedMeter {
  const { ledger, prices, newId, sleep, now = Date.now } = options
  const { retentionMs, leaseMarginMs } = { ...meterDefaults, ...options }
  const wait = idle ?? sleep
  const surely = createSurely(options)
  /** The block that is drawn from, by what it sells; nothing where there may be none for a while. */
  const current = new Map<string, Promise<LeasedBlock | undefined>>()
  const unsettled = new Set<Promise<unknown>>()
  let blocks = 0
  let isClosed = false

  function open(name: string, call: PaidCall, price: Price): Promise<LeasedBlock | undefined> {
    const opening = reserve(call, price).catch(() => undefined)
    current.set(name, opening)
    const forget = () => current.get(name) === opening && current.delete(name)
    void opening.then(async (leased) => {
      await wait(leased ? blockMs : refusedMs)
      forget()
      if (leased) await settle(leased)
    })
    return opening
  }

  async function reserve(call: PaidCall, price: Price): Promise<LeasedBlock | undefined> {
    blocks += 1
    const leased = await hold(call, price).catch(() => undefined)
    if (!leased) blocks -= 1
    return leased
  }

  async function hold(call: PaidCall, price: Price): Promise<LeasedBlock | undefined> {
    const { tenant, timeoutMs } = call
    const account = await surely(() => ledger.account(tenant))
    if (!account) return undefined
    const [time, id] = [now(), newId()]
    const drawUntil = time + blockMs
    const whole = meter.quote(call, price) * BigInt(blockCalls)
    const lease = {
      tenant,
      requestKey: `block-${id}`,
      fence: id,
      leaseUntil: drawUntil + timeoutMs + leaseMarginMs,
    }
    const reservation: Reservation = {
      ...lease,
      fingerprint: lease.requestKey,
      hold: whole,
      counters: counterHolds(limitedParties(call, account.limits), whole, time),
      sale: saleOf(call, price),
      now: time,
    }
    const outcome = await surely(() => ledger.reserve(reservation))
    if (outcome.kind !== 'reserved') return undefined
    return { lease, block: createCallBlock(whole, blockCalls), price, account, drawUntil }
  }

  /** Once, however often it is asked for. */
  function settle(leased: LeasedBlock): Promise<void> {
    if (!leased.settled) {
      const settled = settleNow(leased).finally(() => {
        blocks -= 1
        unsettled.delete(settled)
      })
      leased.settled = settled
      unsettled.add(settled)
    }
    return leased.settled
  }

  async function settleNow({ lease, block }: LeasedBlock): Promise<void> {
    // A call that never ends keeps no one waiting for longer than the lease.
    const late = wait(Math.max(0, lease.leaseUntil - now()))
    const { calls, charge, units } = await block.close(late)
    const time = now()
    const body = Buffer.from(JSON.stringify({ calls }))
    const answer = { status: 200, headers: {}, body, expiresAt: time + retentionMs }
    const end = () =>
      calls === 0
        ? ledger.release({ ...lease, outcome: { kind: 'void' }, reason: 'unused', now: time })
        : ledger.settle({ ...lease, charge, units, answer, now: time })
    for (;;) {
      const outcome = await surely(end).catch((thrown) => ServiceError.from(thrown))
      // Whoever closes waits no longer than the sweeper.
      if (isUnavailable(outcome) && (!isClosed || now() < lease.leaseUntil)) {
        await sleep(refusedMs)
        continue
      }
      const isSettled = 'kind' in outcome && outcome.kind === 'finished'
      if (!isSettled && calls > 0) onLost({ tenant: lease.tenant, calls, charge, units })
      return
    }
  }

  function ticketOf(call: PaidCall, leased: LeasedBlock, part: Micros): Ticket {
    const { lease, block, price, account } = leased
    let isEnded = false
    return {
      kind: 'run',
      model: call.model,
      hold: part,
      // What outlasts a block's lease is not for blocks.
      async renew() {
        if (now() >= lease.leaseUntil) throw new ServiceError('attempt_superseded')
      },
      async settle(answer, units) {
        const charge = chargeOf(price, units, { hold: part })
        const isSold = !isEnded && block.sell(part, charge, units)
        isEnded = true
        if (!isSold) throw new ServiceError('attempt_superseded', { retryAfterSeconds: 1 })
        const spent = account.mode === 'prepaid' ? block.sales().charge : 0n
        return {
          kind: 'answered',
          answer: { ...answer, expiresAt: now() },
          charge,
          // As far as this process knows.
          account: { ...account, available: account.available - spent },
          replayed: false,
        }
      },
      async release() {
        if (!isEnded) block.giveBack(part)
        isEnded = true
      },
    }
  }

  return {
    quote: meter.quote,

    async begin(call) {
      const account = mayComeAgain(call) ? undefined : await recentAccount(call.tenant)
      if (!account || !isLeased(call, account)) return meter.begin(call)
      const { tenant, keyId, project, model, modelDigest } = call
      const price = prices.current(call.priceName, now())
      const part = meter.quote(call, price)
      if (price.currency !== account.currency || part === 0n) return meter.begin(call)
      const name = JSON.stringify([tenant, keyId, project ?? null, model, modelDigest, price.id])
      for (let look = 0; look < mostLooks; look += 1) {
        const mayOpen = blocks < mostBlocks && !isClosed
        const found = current.get(name) ?? (mayOpen ? open(name, call, price) : undefined)
        const leased = await found
        if (!leased) break
        if (now() < leased.drawUntil && leased.block.take(part)) {
          return ticketOf(call, leased, part)
        }
        if (current.get(name) === found) current.delete(name)
        void settle(leased)
      }
      return meter.begin(call)
    },

    async close() {
      isClosed = true
      for (const leased of await Promise.all(current.values())) {
        if (leased) void settle(leased)
      }
      await Promise.all(unsettled)
    },
  }
}

const isLeased = (call: PaidCall, account: Account) =>
  account.metering === 'leased' &&
  !call.free &&
  limitedParties(call, account.limits).every(({ limits }) => isUncounted(limits))
