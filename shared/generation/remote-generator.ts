import { ServiceError } from '#shared/errors/service-error.ts'
import {
  createGenerationLink,
  type GenerationLimits,
  type GenerationLink,
  type Text,
} from './generation-link.ts'
import type { GenerationSource } from './generation-messages.ts'
import type { StartGenerationPlace } from './generation-place.ts'
import type { Generator } from './generator.ts'
import { usualSlots } from './onnx-generator.ts'
import { tokenStream } from './token-stream.ts'

export interface RemoteGeneratorOptions {
  readonly limits?: Partial<GenerationLimits>
}

const usualLimits: GenerationLimits = { loadMs: 120_000, runMs: 10_000, graceMs: 500 }
/** A text that is waiting when its place ends is given to the next one so often. */
const mostPlaces = 8
/** After a place could not be replaced, it is tried again no sooner. */
const retryMs = 10_000

/**
 * A generator beside its caller, whose event loop stays free whatever the model does. Where its place
 * ends, those whose texts were in it are told, those who waited get another one, and so does whoever
 * comes later.
 * @throws ServiceError those of reading and loading the model
 */
export async function createRemoteGenerator(
  start: StartGenerationPlace,
  source: GenerationSource,
  { limits }: RemoteGeneratorOptions = {},
): Promise<Generator> {
  const { contextTokens, slots = usualSlots } = source
  const links = new Set<GenerationLink>()
  let current: GenerationLink | undefined
  let successor: GenerationLink | undefined
  let successorAfterMs = 0
  let isClosed = false
  let lastId = 0

  function open(): GenerationLink {
    const link = createGenerationLink({
      start,
      source,
      slots,
      limits: { ...usualLimits, ...limits },
      onGrown: () => void replace(link),
      onEnd(waiting) {
        links.delete(link)
        if (current === link) current = undefined
        for (const text of waiting) {
          if (isClosed || text.places >= mostPlaces) text.sink.fail(new ServiceError('overloaded'))
          else write(text)
        }
      },
    })
    links.add(link)
    return link
  }

  function write(text: Text): void {
    current ??= successor ?? open()
    current.add(text)
  }

  /** Texts that come later go to the successor once it has loaded; the others end where they are. */
  async function replace(worn: GenerationLink): Promise<void> {
    if (successor || worn !== current || isClosed || performance.now() < successorAfterMs) return
    const next = open()
    successor = next
    try {
      await next.ready
      if (current !== worn && current !== next) return void next.end()
      current = next
      worn.retire()
    } catch {
      // The old one goes on.
      successorAfterMs = performance.now() + retryMs
    } finally {
      successor = undefined
    }
  }

  current = open()
  await current.ready

  return {
    contextTokens,
    generate({ signal, ...request }) {
      lastId += 1
      const id = lastId
      return tokenStream({
        signal,
        start(sink) {
          if (isClosed) {
            throw new ServiceError('inference_failed', { detail: 'The model has been closed.' })
          }
          write({ id, request, sink, places: 0 })
        },
        leave() {
          const isLate = (signal?.reason as Error | undefined)?.name === 'TimeoutError'
          for (const link of links) link.leave(id, isLate)
        },
      })
    },
    async close() {
      isClosed = true
      await Promise.all([...links].map((link) => link.end()))
    },
  }
}
