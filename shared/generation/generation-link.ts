import { ServiceError } from '#shared/errors/service-error.ts'
import { revivedError } from '#shared/inference/worker-messages.ts'
import type { GenerationEvent, GenerationSource } from './generation-messages.ts'
import type { StartGenerationPlace } from './generation-place.ts'
import type { GenerateRequest } from './generator.ts'
import type { TokenSink } from './token-stream.ts'

/** A text that is to be written, as its reader's side knows it. */
export interface Text {
  readonly id: number
  readonly request: Omit<GenerateRequest, 'signal'>
  readonly sink: TokenSink
  /** Places that it was given to, one after the other. */
  places: number
}

/** How long things may take, in milliseconds, where what takes longer can be ended. */
export interface GenerationLimits {
  /** To load the model's file. */
  readonly loadMs: number
  /** One run, whoever takes part. */
  readonly runMs: number
  /** The run under way when the time of one that takes part is over. */
  readonly graceMs: number
}

export interface GenerationLinkOptions {
  readonly start: StartGenerationPlace
  readonly source: GenerationSource
  /** How many texts take part in runs: the first that were taken and have not ended. */
  readonly slots: number
  readonly limits: GenerationLimits
  /** Told once it has ended: these took no part in any run and can be written elsewhere. */
  readonly onEnd: (waiting: readonly Text[]) => void
  /** Told between two texts that it has grown too large. */
  readonly onGrown: () => void
}

/** What is said to the place of a generator and heard of it, from its start to its end. */
export interface GenerationLink {
  /** @throws ServiceError those of reading and loading the model */
  readonly ready: Promise<void>
  /** Before it is ready, too. */
  add(text: Text): void
  /** Its reader has gone. @param isLate its time is over: the run that it is in must end soon */
  leave(id: number, isLate: boolean): void
  /** Ends it once its last text has ended. */
  retire(): void
  end(): Promise<void>
}

type TextEvent = Exclude<GenerationEvent, { type: 'ready' | 'broken' }>

interface Entry {
  readonly text: Text
  /** Whether the place has read that it is to be written. */
  isTaken: boolean
}

export function createGenerationLink(options: GenerationLinkOptions): GenerationLink {
  const { start, source, slots, limits, onEnd, onGrown } = options
  const { readBytes, ...open } = source
  /** In the order in which they were sent, which is that in which they get slots. */
  const entries = new Map<number, Entry>()
  /** Whose time is over, and which the place has not given up yet: it is inside a run. */
  const late = new Set<number>()
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => undefined)
  let isReady = false
  let failure: ServiceError | undefined
  let isRetired = false
  const place = start((events) => {
    for (const event of events) hear(event)
    // Whatever is said is said between two runs.
    if (late.size === 0) watch()
  })

  function watch(): void {
    if (isReady) place.allow(entries.size > 0 ? limits.runMs : undefined)
  }

  function hear(event: GenerationEvent): void {
    if (event.type === 'ready') begin()
    else if (event.type === 'broken') giveUp(revivedError(event.error))
    else {
      const entry = entries.get(event.id)
      if (entry) hearOf(entry, event)
    }
  }

  function begin(): void {
    isReady = true
    for (const { text } of entries.values()) send(text)
    ready.resolve()
  }

  function hearOf(entry: Entry, event: TextEvent): void {
    const { sink } = entry.text
    if (event.type === 'taken') entry.isTaken = true
    else if (event.type === 'token') sink.push(event.token)
    else {
      if (event.type === 'end') sink.end()
      else sink.fail(revivedError(event.error))
      forget(event.id)
    }
  }

  function forget(id: number): void {
    entries.delete(id)
    late.delete(id)
    if (isRetired && entries.size === 0) void place.end()
    else if (isReady && !isRetired && place.hasGrown()) onGrown()
  }

  /** The first reason counts. */
  function giveUp(error: ServiceError): void {
    failure ??= error
    ready.reject(failure)
    void place.end()
  }

  const send = ({ id, request }: Text) => place.send({ type: 'generate', id, request })

  async function load(): Promise<void> {
    // A download takes the time it takes.
    place.allow(Number.POSITIVE_INFINITY)
    place.send({ type: 'open', options: { ...open, slots } })
    const bytes = await readBytes()
    place.allow(limits.loadMs)
    await place.sendBytes(bytes)
  }

  load().catch((thrown) => giveUp(ServiceError.from(thrown)))
  void place.ended.then((error) => {
    giveUp(error)
    const all = [...entries.values()]
    entries.clear()
    const taken = all.filter(({ isTaken }) => isTaken).slice(0, slots)
    // What could not be opened for one cannot be opened for others.
    const involved = new Set(isReady ? taken : all)
    for (const { text } of involved) text.sink.fail(failure)
    const waiting = all.filter((entry) => !involved.has(entry) && !entry.text.sink.isOver)
    onEnd(waiting.map(({ text }) => text))
  })

  return {
    ready: ready.promise,
    add(text) {
      text.places += 1
      entries.set(text.id, { text, isTaken: false })
      if (!isReady) return
      send(text)
      if (entries.size === 1) watch()
    },
    leave(id, isLate) {
      const entry = entries.get(id)
      if (!entry) return
      if (!isReady) return forget(id)
      place.send({ type: 'leave', id })
      if (!isLate || !entry.isTaken) return
      if (late.size === 0) place.allow(limits.graceMs)
      late.add(id)
    },
    retire() {
      isRetired = true
      if (entries.size === 0) void place.end()
    },
    async end() {
      for (const { text } of entries.values()) text.sink.end()
      await place.end()
    },
  }
}
