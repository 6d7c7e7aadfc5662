import { randomUUID } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Units } from '#shared/metering/ledger.ts'
import type { Meter, Receipt, Ticket } from '#shared/metering/metered-call.ts'
import { identifyRequest } from '#shared/metering/request-identity.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import { callerOf } from '../authenticate/caller-of.ts'
import { payerOf } from '../authenticate/payer-of.ts'
import { type Call, isMiss } from '../call.ts'
import { errorAnswer } from '../error-response/error-response.ts'
import type { Step } from '../step.ts'

/** What a call buys. */
export interface Purchase {
  /** `iris@1`. */
  readonly model: string
  readonly modelDigest: string
  readonly priceName: string
  readonly units: Units
  readonly timeoutMs: number
}

/** Of a job, however long it runs: soon after its worker has died another one can take it over. */
const deferredLeaseMs = 12_000

const renewed = async (ticket: Ticket) =>
  (await import('./renewed-ticket.ts')).renewedTicket(ticket, deferredLeaseMs / 3)

export interface MeterStepOptions<Input> {
  meter: Meter
  purchase: (call: Call<Input>) => Purchase | Promise<Purchase>
  /** The input for the version that an earlier attempt has pinned, where an alias has moved since. */
  repin?: ((call: Call<Input>, version: string) => Input) | undefined
  newId?: () => string
}

/**
 * Reserves before the model runs, settles before the answer leaves, releases where it failed. It
 * stands outside of `encodeResponse`, so that what it stores are the very bytes of the answer. A
 * stream is settled before its end is sent, or when its reader goes away.
 */
export function meter<Input>({
  meter,
  purchase,
  repin,
  newId = newOrderedId,
}: MeterStepOptions<Input>): Step<Input> {
  const open = new WeakMap<object, { ticket: Ticket; units: Units; startedAt: number }>()

  return {
    async before({ event }) {
      if (event.replay) return
      const caller = callerOf(event)
      if (!caller) throw new ServiceError('credentials_missing')
      const { request } = event
      const bought = await purchase(event)
      const payer = payerOf(caller)
      const begun = await meter.begin({
        ...bought,
        ...identifyRequest({
          tenant: caller.tenant,
          mode: caller.mode,
          keyId: payer.keyId,
          request,
          newId,
        }),
        ...payer,
        ...(request.deferred && { timeoutMs: deferredLeaseMs }),
      })
      if (begun.kind === 'answered') {
        event.replay = toResponse(begun)
        return
      }
      const ticket = request.deferred ? await renewed(begun) : begun
      open.set(event, { ticket, units: bought.units, startedAt: performance.now() })
      const [, pinned] = begun.model.split('@')
      if (begun.model !== bought.model && pinned && repin) event.input = repin(event, pinned)
    },

    async after(request) {
      const work = open.get(request.event)
      const { response } = request
      if (!work || !response) return
      const { status, headers, body, stream, sold } = response
      if (status >= 400) return work.ticket.release(`status-${status}`)
      const consumed = (): Units => {
        const units = { ...work.units, ...sold?.consumed() }
        const computeMs = Math.ceil(performance.now() - work.startedAt)
        return work.units.computeMs === undefined ? units : { ...units, computeMs }
      }
      if (stream) {
        open.delete(request.event)
        // Few functions stream: it is in no other's cold start.
        const { paidStream } = await import('./paid-stream.ts')
        request.response = {
          status,
          headers,
          body: '',
          stream: paidStream(stream, {
            settle: (bytes) => work.ticket.settle({ status, headers, body: bytes }, consumed()),
            release: (reason) => work.ticket.release(reason),
            encodeError: (error) => sold?.failure?.(String(errorAnswer(request.event, error).body)),
            end: sold?.end,
          }),
        }
        return
      }
      const bytes = typeof body === 'string' ? Buffer.from(body) : body
      const receipt = await work.ticket.settle({ status, headers, body: bytes }, consumed())
      open.delete(request.event)
      request.response = toResponse(receipt)
    },

    async onError({ event, error }) {
      const work = open.get(event)
      if (!work) return
      open.delete(event)
      const failure = ServiceError.from(error)
      const isCallersMistake = failure.status >= 400 && failure.status < 500 && !failure.retryable
      if (!isCallersMistake || isMiss(event.match)) return work.ticket.release(failure.code)
      const { status, headers, body } = errorAnswer(event, failure)
      await work.ticket.release(failure.code, { status, headers, body: Buffer.from(body) })
    },
  }
}

/**
 * Ordered by the time, so that calls of one moment lie side by side in the store's indexes: that
 * spares SQLite most of the pages a transaction would write. 90 bits are random.
 */
const newOrderedId = () => `${Date.now().toString(36)}-${randomUUID().slice(9)}`

function toResponse({ answer, charge, account, replayed }: Receipt): HttpResponse {
  return {
    status: answer.status,
    headers: {
      ...answer.headers,
      'x-cost-units': String(charge),
      ...(account?.mode === 'prepaid' && { 'x-balance-remaining': String(account.available) }),
      ...(replayed && { 'idempotency-replayed': 'true' }),
    },
    body: answer.body,
  }
}
