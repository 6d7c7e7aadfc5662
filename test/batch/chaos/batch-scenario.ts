import { createRandom, type Random } from '#test/simulator/random.ts'
import { drawInput } from './line-input.ts'

/** What happens to one job beside the weather. */
export type Event =
  | { readonly kind: 'cancel' | 'expire' | 'revoke' | 'overwrite' | 'remove' | 'lose' }
  /** Credit for so many records, the rest paid in later. */
  | { readonly kind: 'credit'; readonly records: number }
  /** May cost so many records at most. */
  | { readonly kind: 'cap'; readonly records: number }
  | { readonly kind: 'none' }

export interface Weather {
  /** Share of store operations that fail. */
  readonly fault: number
  /** How likely a worker dies at any one of its awaits. */
  readonly crash: number
  /** How likely a message is sent twice. */
  readonly duplicate: number
  /** The longest that an operation takes. */
  readonly delayMs: number
  /** The longest that a chunk is read, or scored: longer than a lease where it is not renewed. */
  readonly modelMs: number
}

export interface BatchScenario {
  readonly seed: number
  readonly input: string
  readonly chunkBytes: number
  readonly workers: number
  /** Of each worker's clock. */
  readonly skewsMs: readonly number[]
  readonly visibilityMs: number
  /** How often the storage event arrives. */
  readonly tellings: number
  readonly event: Event
  /** When that happens, after the beginning. */
  readonly eventMs: number
  /** Or when so many chunks are done. */
  readonly eventAfterChunks?: number
  readonly weather: Weather
}

const fairWeather: Weather = { fault: 0, crash: 0, duplicate: 0, delayMs: 1, modelMs: 2 }

/** One worker in fair weather: what a single mishap happens to. */
export const plainScenario = (changes: Partial<BatchScenario> = {}): BatchScenario => ({
  seed: 1,
  input: '"one"\nnope\n"three"\n\n5\n"six"',
  chunkBytes: 12,
  workers: 1,
  skewsMs: [0],
  visibilityMs: 60_000,
  tellings: 1,
  event: { kind: 'none' },
  eventMs: 0,
  weather: fairWeather,
  ...changes,
})

export function drawScenario(seed: number): BatchScenario {
  const random = createRandom(seed)
  const workers = random.integer(1, 6)
  const isSkewed = random.chance(0.3)
  return {
    seed,
    input: drawInput(random),
    chunkBytes: random.pick([1, 9, 40, 120, 10_000]),
    workers,
    skewsMs: Array.from({ length: workers }, () =>
      isSkewed ? random.integer(-300_000, 300_000) : 0,
    ),
    visibilityMs: random.pick([2_000, 10_000, 60_000]),
    tellings: random.pick([0, 1, 2, 10]),
    event: drawEvent(random),
    // Most schedules are over after some seconds; with bad weather it takes minutes.
    eventMs: Math.floor(random.next() ** 3 * random.pick([2_000, 20_000, 200_000])),
    eventAfterChunks: random.pick([0, 1, 1, 2, 4]),
    weather: {
      fault: random.pick([0, 0.01, 0.05]),
      crash: random.pick([0, 0.002, 0.01]),
      duplicate: random.pick([0, 0.3]),
      delayMs: random.pick([10, 300, 4_000]),
      modelMs: random.pick([20, 1_000, 60_000]),
    },
  }
}

function drawEvent(random: Random): Event {
  const kind = random.pick<Event['kind']>([
    'none',
    'none',
    'cancel',
    'cancel',
    'expire',
    'revoke',
    'overwrite',
    'remove',
    'lose',
    'credit',
    'cap',
  ])
  return kind === 'credit' || kind === 'cap' ? { kind, records: random.integer(0, 14) } : { kind }
}
