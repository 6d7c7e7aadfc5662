import type { Delivery, Message, Queue } from '#shared/batch/queue.ts'

export interface MemoryQueueOptions {
  readonly now?: () => number
  readonly maxReceives?: number
  /** Which of so many waiting messages comes next: a queue promises no order. */
  readonly pick?: (count: number) => number
}

interface Waiting extends Message {
  readonly id: number
  receives: number
  visibleAt: number
}

/** The rules of the port as code: what a schedule without disks and networks runs on. */
export function createMemoryQueue({
  now = Date.now,
  maxReceives = 5,
  pick = () => 0,
}: MemoryQueueOptions = {}): Queue {
  const messages = new Map<number, Waiting>()
  const turns = new Map<string, number>()
  /** Of those who wait until something is sent: nobody here waits for a time. */
  const bells: (() => void)[] = []
  let sent = 0
  let turn = 0

  const visible = () => [...messages.values()].filter(({ visibleAt }) => visibleAt <= now())
  const isDead = ({ receives }: Waiting) => receives >= maxReceives
  const ofReceipt = ({ receipt, receives }: Delivery) => {
    const message = messages.get(Number(receipt.split('.')[0]))
    return message?.receives === receives ? message : undefined
  }

  /** One of the tenant whose turn it is. */
  function take(visibilityMs: number): Delivery[] {
    const ready = visible().filter((message) => !isDead(message))
    const turnOf = ({ group }: Message) => turns.get(group) ?? 0
    const first = ready.toSorted((one, other) => turnOf(one) - turnOf(other))[0]
    const candidates = ready
      .filter(({ group }) => group === first?.group)
      .sort((one, other) => one.visibleAt - other.visibleAt || one.id - other.id)
    const chosen = candidates[pick(candidates.length)]
    if (!chosen) return []
    turns.set(chosen.group, ++turn)
    chosen.receives += 1
    chosen.visibleAt = now() + visibilityMs
    const { id, body, receives } = chosen
    return [{ body, receives, receipt: `${id}.${receives}` }]
  }

  return {
    async send(all) {
      for (const message of all) {
        sent += 1
        const visibleAt = now() + (message.delayMs ?? 0)
        messages.set(sent, { ...message, id: sent, receives: 0, visibleAt })
        if (!turns.has(message.group)) turns.set(message.group, ++turn)
      }
      for (const ring of bells.splice(0)) ring()
    },
    async receive({ limit, visibilityMs, waitMs = 0 }) {
      const isEmpty = () => !visible().some((message) => !isDead(message))
      if (waitMs > 0 && isEmpty()) await new Promise<void>((resolve) => bells.push(resolve))
      return Array.from({ length: limit }, () => take(visibilityMs)).flat()
    },
    async hide(delivery, visibilityMs) {
      const message = ofReceipt(delivery)
      if (message) message.visibleAt = now() + visibilityMs
    },
    async remove(delivery) {
      const message = ofReceipt(delivery)
      if (message) messages.delete(message.id)
    },
    deadCount: async () => visible().filter(isDead).length,
    async redrive() {
      const dead = visible().filter(isDead)
      for (const { id, body, group } of dead) {
        messages.delete(id)
        messages.set(++sent, { body, group, id: sent, receives: 0, visibleAt: now() })
      }
      return dead.length
    },
    close: async () => undefined,
  }
}
