/**
 * A queue of work, at least once and in no order: SQS on AWS, a SQLite table on one machine. Every
 * driver passes one contract suite. A message is a wake-up; what is to be done stands in the job store.
 *
 * Every method throws ServiceError `store_unavailable` when the queue does not answer as it should.
 */
export interface Queue {
  send(messages: readonly Message[]): Promise<void>
  /**
   * Up to `limit` messages, hidden from others for `visibilityMs`; waits up to `waitMs` for the
   * first. Groups take turns, so that one tenant's million does not hold up another's ten.
   */
  receive(options: { limit: number; visibilityMs: number; waitMs?: number }): Promise<Delivery[]>
  /** Hides a message for so long from now on; 0 gives it back. Late is no error. */
  hide(delivery: Delivery, visibilityMs: number): Promise<void>
  /** The message is done with. Late or repeated is no error. */
  remove(delivery: Delivery): Promise<void>
  /** How many messages have been given up on, after `maxReceives` deliveries. */
  deadCount(): Promise<number>
  /** Gives all of them another chance; how many there were. */
  redrive(): Promise<number>
  close(): Promise<void>
}

export interface Message {
  readonly body: string
  /** The tenant: groups are served in turn. */
  readonly group: string
  readonly delayMs?: number | undefined
}

export interface Delivery {
  readonly body: string
  /** Names this delivery, not the message. */
  readonly receipt: string
  /** 1 the first time. */
  readonly receives: number
}
