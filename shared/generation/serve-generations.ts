import { setImmediate } from 'node:timers/promises'
import { pieceTaker } from '#shared/inference/file-pieces.ts'
import { portableError } from '#shared/inference/worker-messages.ts'
import type {
  FromGenerationWorker,
  GenerationEvent,
  GenerationOptions,
  ToGenerationWorker,
} from './generation-messages.ts'
import type { GenerateRequest, Generator } from './generator.ts'
import { type OnnxGeneratorSource, openOnnxGenerator } from './open-onnx-generator.ts'

export interface ServeGenerationsOptions {
  readonly open?: (source: OnnxGeneratorSource) => Promise<Generator>
  readonly logger?: OnnxGeneratorSource['logger']
  /** Called once all is closed. */
  readonly onClosed?: () => void
}

/** As often it is said that the event loop still turns, that is, that runs end. */
const pulseMs = 250

/**
 * What a worker does, be it a thread or a process: a generator behind messages.
 *
 * @param send takes what is to be told
 * @returns what takes the messages of the other side
 */
export function serveGenerations(
  send: (message: FromGenerationWorker) => void,
  { open = openOnnxGenerator, logger, onClosed }: ServeGenerationsOptions,
): (message: ToGenerationWorker) => void {
  const readers = new Map<number, AbortController>()
  const take = pieceTaker()
  let options: GenerationOptions | undefined
  let generator: Promise<Generator | undefined> | undefined
  let pulse: NodeJS.Timeout | undefined
  let unsent: GenerationEvent[] = []

  /** Sent before the next run: that is begun by the event loop, which first lets all ticks happen. */
  const tell = (event: GenerationEvent) => {
    if (unsent.push(event) === 1) process.nextTick(flush)
  }
  const flush = () => {
    const events = unsent
    unsent = []
    send(events)
  }

  async function load(bytes: Uint8Array<ArrayBuffer>): Promise<Generator | undefined> {
    try {
      const source = { ...(options as GenerationOptions), readBytes: async () => bytes, logger }
      const opened = await open(source)
      tell({ type: 'ready', reservedBytes: process.memoryUsage().arrayBuffers })
      return opened
    } catch (thrown) {
      tell({ type: 'broken', error: portableError(thrown) })
      return undefined
    }
  }

  async function write(id: number, request: GenerateRequest): Promise<void> {
    const reader = new AbortController()
    readers.set(id, reader)
    pulse ??= setInterval(() => send([]), pulseMs)
    tell({ type: 'taken', id })
    try {
      const tokens = (await generator)?.generate({ ...request, signal: reader.signal }) ?? []
      for await (const token of tokens) tell({ type: 'token', id, token })
      // A run with it may be due in this very turn of the event loop; it has ended in the next.
      if (reader.signal.aborted) await setImmediate()
      tell({ type: 'end', id })
    } catch (thrown) {
      tell({ type: 'failure', id, error: portableError(thrown) })
    }
    readers.delete(id)
    if (readers.size > 0) return
    clearInterval(pulse)
    pulse = undefined
  }

  async function close(): Promise<void> {
    await (await generator)?.close()
    onClosed?.()
  }

  return (message) => {
    if (message.type === 'generate') void write(message.id, message.request)
    else if (message.type === 'leave') readers.get(message.id)?.abort()
    else if (message.type === 'open') options = message.options
    else if (message.type === 'close') void close()
    else {
      const bytes = take(message)
      if (bytes) generator = load(bytes)
    }
  }
}
