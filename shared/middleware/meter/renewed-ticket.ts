import type { Ticket } from '#shared/metering/metered-call.ts'

/** A ticket whose lease is renewed until it is ended, for runs that outlast it. */
export function renewedTicket(ticket: Ticket, everyMs: number): Ticket {
  // Where it cannot be renewed any more, settling says so.
  const timer = setInterval(() => void ticket.renew().catch(() => undefined), everyMs).unref()
  return {
    ...ticket,
    settle(...answer) {
      clearInterval(timer)
      return ticket.settle(...answer)
    },
    release(...reason) {
      clearInterval(timer)
      return ticket.release(...reason)
    },
  }
}
