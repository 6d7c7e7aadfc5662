import { once } from 'node:events'
import type { Gunzip, ZstdDecompress } from 'node:zlib'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ByteSource } from './byte-source.ts'

/**
 * What an unpacker makes of a source, until either ends; bytes that it did not want are unread.
 * @throws ServiceError `batch_input_invalid` where the bytes are damaged or cut off
 */
export async function* unpackMember(
  source: ByteSource,
  unpacker: Gunzip | ZstdDecompress,
): AsyncGenerator<Uint8Array> {
  /** Given and perhaps not yet taken; the place of the first of them. */
  const given: Uint8Array[] = []
  let place = 0
  const forgetTaken = () => {
    for (;;) {
      const size = given[0]?.length ?? Number.POSITIVE_INFINITY
      if (place + size > unpacker.bytesWritten) return
      place += size
      given.shift()
    }
  }
  const feed = async () => {
    for (;;) {
      const block = await source.next()
      if (unpacker.destroyed) {
        if (block) source.unread(block)
        return
      }
      if (!block) {
        unpacker.end()
        return
      }
      given.push(block)
      if (!unpacker.write(block)) await drained(unpacker)
      forgetTaken()
    }
  }
  const feeding = feed().catch((error: Error) => {
    unpacker.destroy(error)
  })
  try {
    for await (const block of unpacker) yield block as Uint8Array
  } catch (cause) {
    // The source's own failures pass; only what the bytes say is the file's fault.
    if (cause instanceof ServiceError) throw cause
    const detail = 'It cannot be unpacked: it is damaged or cut off.'
    throw new ServiceError('batch_input_invalid', { detail, cause })
  } finally {
    unpacker.destroy()
    await feeding
  }
  source.unread(Buffer.concat(given).subarray(unpacker.bytesWritten - place))
}

/** It wants more, or is at its end. */
async function drained(unpacker: Gunzip | ZstdDecompress): Promise<void> {
  const stop = new AbortController()
  const { signal } = stop
  const events = ['drain', 'close'].map((name) => once(unpacker, name, { signal }))
  try {
    await Promise.race(events)
  } finally {
    stop.abort()
    await Promise.allSettled(events)
  }
}
