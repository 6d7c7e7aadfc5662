import { setImmediate } from 'node:timers/promises'
import type { Random } from './random.ts'

/** Something that can die: every attempt of a call, every sweep. It lives on a node with a clock. */
export interface Actor {
  readonly name: string
  readonly node: number
  alive: boolean
  /** It has done all it had to do. */
  ended?: boolean
  /** How likely it dies at any one of its awaits. */
  readonly crashRate: number
}

interface Waiting {
  readonly at: number
  /** Decides among those who wait for the same millisecond. */
  readonly lot: number
  readonly actor: Actor
  readonly resume: () => void
}

/** What has happened so far, and what shall happen once. */
export interface Mishaps {
  readonly planned: { readonly kind: string; readonly at: number } | undefined
  awaits: number
  calls: number
}

export interface SchedulerOptions {
  readonly mishaps: Mishaps
  readonly random: Random
  /** True time, in epoch milliseconds, at which the schedule begins. */
  readonly start: number
  readonly log: (actor: string, what: () => string) => void
  /** An actor did what nobody expects. */
  readonly onFailure: (actor: Actor, what: string) => void
}

export type Scheduler = ReturnType<typeof createScheduler>

/**
 * A virtual clock and the only source of waiting: exactly one actor runs at a time, from one of its
 * awaits to the next, and the generator decides which. There are no timers and no threads.
 */
export function createScheduler(options: SchedulerOptions) {
  const { random, mishaps, start, log, onFailure } = options
  let time = start
  const waiting: Waiting[] = []
  const actors: Actor[] = []
  let endTurn = (): void => {}

  function takeEarliest(): Waiting | undefined {
    let best = 0
    for (let index = 1; index < waiting.length; index += 1) {
      if (isEarlier(waiting[index], waiting[best])) best = index
    }
    const last = waiting.pop()
    const earliest = waiting[best] ?? last
    if (last && best < waiting.length) waiting[best] = last
    return earliest
  }

  /** Only what lives on a node dies. */
  function mustDie({ crashRate, node }: Actor): boolean {
    if (node < 0) return false
    mishaps.awaits += 1
    const { planned } = mishaps
    return random.chance(crashRate) || (planned?.kind === 'death' && planned.at === mishaps.awaits)
  }

  function die(actor: Actor): void {
    log(actor.name, () => 'DIES')
    actor.alive = false
    // Sometimes the whole node goes, with all that runs on it.
    if (!random.chance(0.2)) return
    for (const other of actors) {
      if (other.node !== actor.node || !other.alive || other.crashRate === 0) continue
      log(other.name, () => 'DIES with its node')
      other.alive = false
    }
  }

  return {
    /** True time; nodes have clocks of their own. */
    now: () => time,

    /** From now on this is the time: for what happens when nothing is left to wait for. */
    advance(ms: number): void {
      time += ms
    },

    /** Runs `body` as this actor, in so many milliseconds. */
    start(actor: Actor, inMs: number, body: () => Promise<void>): void {
      actors.push(actor)
      const resume = () =>
        void body()
          .catch((error: unknown) => onFailure(actor, String(error)))
          .finally(() => {
            actor.ended = true
            endTurn()
          })
      waiting.push({ at: time + inMs, lot: random.next(), actor, resume })
    },

    /** The one await there is. Whoever dies here is never heard of again. */
    pause(actor: Actor, ms: number): Promise<void> {
      return new Promise((resolve) => {
        if (mustDie(actor)) die(actor)
        else waiting.push({ at: time + ms, lot: random.next(), actor, resume: resolve })
        endTurn()
      })
    },

    /** Until nobody waits for anything. */
    async run(): Promise<void> {
      for (let next = takeEarliest(); next; next = takeEarliest()) {
        const { actor, at, resume } = next
        time = at
        if (!actor.alive) continue
        // Nothing may be done after the reply has left: no host promises the time for it.
        if (actor.ended) {
          onFailure(actor, 'works on after its end')
          resume()
          await setImmediate()
          continue
        }
        await new Promise<void>((resolve) => {
          endTurn = resolve
          resume()
        })
      }
    },
  }
}

function isEarlier(a: Waiting | undefined, b: Waiting | undefined): boolean {
  if (!a || !b) return false
  return a.at < b.at || (a.at === b.at && a.lot < b.lot)
}
