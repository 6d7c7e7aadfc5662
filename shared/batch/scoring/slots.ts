/** A place where one piece of work is done at a time. */
export interface Slot<Tool> {
  tool: Tool | undefined
  /** What the tool is set up for. */
  key: string | undefined
}

export interface Slots<Tool> {
  /** A free slot, or the next that becomes free; preferably one that is set up for this. */
  acquire(key: string): Promise<Slot<Tool>>
  release(slot: Slot<Tool>): void
  readonly all: readonly Slot<Tool>[]
  /** Refuses whoever waits. */
  close(reason: Error): void
}

export function createSlots<Tool>(size: number): Slots<Tool> {
  const all = Array.from({ length: size }, (): Slot<Tool> => ({ tool: undefined, key: undefined }))
  const free = new Set(all)
  const waiting: { key: string; slot: PromiseWithResolvers<Slot<Tool>> }[] = []
  let closed: Error | undefined

  return {
    all,
    async acquire(key) {
      if (closed) throw closed
      const slot = [...free].find((candidate) => candidate.key === key) ?? [...free][0]
      if (!slot) {
        const turn = { key, slot: Promise.withResolvers<Slot<Tool>>() }
        waiting.push(turn)
        return turn.slot.promise
      }
      free.delete(slot)
      slot.key = key
      return slot
    },
    release(slot) {
      const next = waiting.shift()
      if (!next) {
        free.add(slot)
        return
      }
      slot.key = next.key
      next.slot.resolve(slot)
    },
    close(reason) {
      closed = reason
      for (const { slot } of waiting.splice(0)) slot.reject(reason)
    },
  }
}
