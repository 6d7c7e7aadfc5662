import type { InputRecord } from '../chunk.ts'
import { readObject } from '../formats/read-object.ts'
import type { ObjectStore } from '../object-store.ts'

/** What records hold, where it is read only when it is needed: the bytes of listed objects. */
export interface RecordValues {
  /**
   * Resolves once the records from `first` up to `end` are there. As many that follow are fetched
   * while these are at work; memory holds no others.
   * @throws ServiceError `store_unavailable`
   */
  load(first: number, end: number): Promise<void>
  /** A record that was loaded, with its value or what is wrong with it. */
  at(place: number): InputRecord
}

export function objectValues(
  records: readonly InputRecord[],
  read: ObjectStore['read'],
): RecordValues {
  const coming = new Map<number, Promise<InputRecord>>()
  const loaded = new Map<number, InputRecord>()
  const fetch = (place: number): Promise<InputRecord> => {
    const known = coming.get(place)
    if (known) return known
    const record = readObject(records[place] as InputRecord, read)
    // Whoever fails while an earlier one is waited for is heard in its turn.
    record.catch(() => undefined)
    coming.set(place, record)
    return record
  }

  return {
    async load(first, end) {
      loaded.clear()
      const wanted = Array.from({ length: end - first }, (_, at) => fetch(first + at))
      const ahead = Math.min(records.length, end + (end - first))
      for (let place = end; place < ahead; place += 1) void fetch(place)
      for (const [at, record] of wanted.entries()) {
        loaded.set(first + at, await record)
        coming.delete(first + at)
      }
    },
    at: (place) => loaded.get(place) ?? (records[place] as InputRecord),
  }
}
