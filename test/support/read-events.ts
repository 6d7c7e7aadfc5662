/** An event as `EventSource` hands it over (HTML, 9.2.6 "Interpreting an event stream"). */
export interface StreamedEvent {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
}

/** The events of a whole stream, read as that standard says; what is cut off at its end is none. */
export function readEvents(text: string): StreamedEvent[] {
  const events: StreamedEvent[] = []
  let [type, lastEventId] = ['', '']
  let data: string[] = []
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)) {
    if (line === '') {
      if (data.length > 0) {
        events.push({ type: type || 'message', data: data.join('\n'), lastEventId })
      }
      type = ''
      data = []
      continue
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? []
    if (field === 'event') type = value
    if (field === 'data') data.push(value)
    if (field === 'id' && !value.includes('\0')) lastEventId = value
  }
  return events
}
