import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { type CallGroup, callGroup } from './call-group.ts'
import type { GroupSizes } from './group-sizes.ts'
import type { Work } from './worker-messages.ts'

/** A call on its way to a worker. */
export interface WaitingCall {
  readonly entry: ModelEntry
  readonly work: Work
  /** By `performance.now()`. */
  readonly deadline: number
  readonly done: PromiseWithResolvers<unknown>
  /** Runs that were given up with it; it runs alone after the first. */
  tries: number
  /** Whether somebody still waits for its answer. */
  isOpen: boolean
  /** Of one that a worker has taken: ends its run, unless others wait for that, or it cannot be ended. */
  endRun?: () => void
}

interface Place {
  readonly call: WaitingCall
  readonly group: CallGroup | undefined
}

/** The calls that no worker has taken yet, in their order. */
export interface WaitingCalls {
  readonly size: number
  readonly next: WaitingCall | undefined
  add(call: WaitingCall): void
  /** @returns whether it was there */
  remove(call: WaitingCall): boolean
  /** Takes up calls of a run that was given up: before all others, or behind them. */
  putBack(calls: readonly WaitingCall[], place: 'first' | 'last'): void
  /**
   * Takes the next call, and of those that may share its run as many as pay.
   * @param workers among how many to share them out
   * @param budgetMs how long the run may take
   */
  take(workers: number, budgetMs: number): readonly WaitingCall[]
  takeAll(): readonly WaitingCall[]
  /** These took so long together. */
  learn(calls: readonly WaitingCall[], tookMs: number): void
}

/** Kinds of calls whose costs are remembered. */
const knownKinds = 256

export function createWaitingCalls({
  groupSizes,
}: {
  groupSizes: (mostCalls: number) => GroupSizes
}): WaitingCalls {
  const places: Place[] = []
  // In order of last use: a Map keeps the order in which keys were inserted.
  const sizes = new Map<string, GroupSizes>()

  const sizesOf = ({ costKey, mostCalls }: CallGroup): GroupSizes => {
    const found = sizes.get(costKey) ?? groupSizes(mostCalls)
    sizes.delete(costKey)
    sizes.set(costKey, found)
    const [oldest] = sizes.keys()
    if (sizes.size > knownKinds && oldest !== undefined) sizes.delete(oldest)
    return found
  }
  const groupOf = ({ entry, work, tries }: WaitingCall): CallGroup | undefined =>
    tries === 0 ? callGroup(entry, work) : undefined
  const placeOf = (call: WaitingCall): Place => ({ call, group: groupOf(call) })

  return {
    get size() {
      return places.length
    },
    get next() {
      return places[0]?.call
    },
    add: (call) => void places.push(placeOf(call)),
    remove(call) {
      const at = places.findIndex((place) => place.call === call)
      if (at >= 0) places.splice(at, 1)
      return at >= 0
    },
    putBack(calls, place) {
      const back = calls.filter(({ isOpen }) => isOpen)
      for (const call of back) call.tries += 1
      if (place === 'first') places.unshift(...back.map(placeOf))
      else places.push(...back.map(placeOf))
    },
    take(workers, budgetMs) {
      const [head] = places
      if (!head) return []
      const { group, call } = head
      const joinable = group
        ? places.filter((one) => one.group?.key === group.key && one.call.entry === call.entry)
        : [head]
      const count =
        group && joinable.length > 1
          ? sizesOf(group).choose(Math.ceil(joinable.length / workers), budgetMs)
          : 1
      const taken = new Set(joinable.slice(0, count))
      // Mostly the very first is all that is taken.
      if (count === 1) places.shift()
      else places.splice(0, places.length, ...places.filter((one) => !taken.has(one)))
      return [...taken].map((one) => one.call)
    },
    takeAll: () => places.splice(0).map(({ call }) => call),
    learn(calls, tookMs) {
      const [first] = calls
      const group = first && groupOf(first)
      if (group && tookMs > 0) sizesOf(group).learn(calls.length, tookMs)
    },
  }
}
