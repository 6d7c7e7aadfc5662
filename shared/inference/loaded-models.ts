import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { type Model, modelKey } from './model.ts'

export interface LoadedModelsOptions {
  load: (entry: ModelEntry) => Promise<Model>
  /** How many models stay loaded; the one unused for longest goes first. */
  limit: number
}

export interface LoadedModels {
  /** Calls `use` with the model, loaded now if need be. It is not closed while `use` runs. */
  use<Result>(entry: ModelEntry, use: (model: Model) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

interface Slot {
  readonly model: Promise<Model>
  users: number
  evicted: boolean
}

/**
 * The models that are loaded in this thread. Concurrent callers share one load, a failed load is
 * forgotten at once, and a model that must go is closed when its last call has ended.
 */
export function loadedModels({ load, limit }: LoadedModelsOptions): LoadedModels {
  // In order of last use: a Map keeps the order in which keys were inserted.
  const slots = new Map<string, Slot>()

  const closeIfUnused = async (slot: Slot): Promise<void> => {
    if (slot.evicted && slot.users === 0) await (await slot.model.catch(() => undefined))?.close()
  }
  const evict = async (key: string, slot: Slot): Promise<void> => {
    if (slots.get(key) === slot) slots.delete(key)
    slot.evicted = true
    await closeIfUnused(slot)
  }
  const slotOf = (entry: ModelEntry): Slot => {
    const key = modelKey(entry)
    const known = slots.get(key)
    const slot = known ?? { model: load(entry), users: 0, evicted: false }
    slots.delete(key)
    slots.set(key, slot)
    if (!known) {
      slot.model.catch(() => evict(key, slot))
      const [oldest] = slots
      if (slots.size > limit && oldest) void evict(...oldest)
    }
    return slot
  }

  return {
    async use(entry, use) {
      const slot = slotOf(entry)
      slot.users += 1
      try {
        return await use(await slot.model)
      } finally {
        slot.users -= 1
        await closeIfUnused(slot)
      }
    },
    async close() {
      await Promise.all([...slots].map(([key, slot]) => evict(key, slot)))
    },
  }
}
