import { Readable } from 'node:stream'
import { revivedError } from '#shared/inference/worker-messages.ts'
import type { ObjectStore } from '../object-store.ts'
import type { FromScoring, ToScoring } from './scoring-messages.ts'

/** Objects that the parent process reads for this one. */
export interface RemoteObjects {
  readonly read: ObjectStore['read']
  /** Takes an answer of the parent; whether it was one. */
  receive(message: ToScoring): boolean
}

export function remoteObjects(send: (message: FromScoring) => Promise<void>): RemoteObjects {
  const streams = new Map<number, Readable>()
  let lastId = 0

  return {
    read(object, range) {
      lastId += 1
      const id = lastId
      const stream = new Readable({
        read() {},
        destroy(error, done) {
          if (streams.delete(id)) void send({ type: 'enough', id })
          done(error)
        },
      })
      streams.set(id, stream)
      void send({ type: 'read', id, object, range })
      return stream
    },
    receive(message) {
      if (message.type === 'bytes') streams.get(message.id)?.push(message.bytes)
      else if (message.type === 'end') {
        streams.get(message.id)?.push(null)
        streams.delete(message.id)
      } else if (message.type === 'no-bytes') {
        const stream = streams.get(message.id)
        streams.delete(message.id)
        stream?.destroy(revivedError(message.error))
      } else return false
      return true
    },
  }
}
