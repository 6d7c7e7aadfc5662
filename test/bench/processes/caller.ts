import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { clock } from '../harness/clock.ts'
import { tell } from '../harness/tell.ts'

/**
 * What Lambda does with a packaged function at a cold start: imports it, hands it an event.
 * Node's own channel tells when connections are made and closed, so the product is left as it is.
 */
const bootedAt = clock()
const [, , file = '', event = ''] = process.argv
let requestedAt = 0
let lastByteAt = 0
subscribe('net.client.socket', (message) => {
  requestedAt ||= clock()
  const { socket } = message as { socket: Socket }
  socket.once('close', () => {
    lastByteAt = clock()
  })
})

const { handler } = await import(file)
const loadedAt = clock()
const { statusCode, body } = await handler(JSON.parse(event))
const answeredAt = clock()
if (statusCode !== 200) throw new Error(body)
const scores: { label: string; score: number }[] = JSON.parse(body).outputs[0]
const score = scores.find(({ label }) => label === 'yes')?.score
tell({ bootedAt, requestedAt, lastByteAt, loadedAt, answeredAt, score })
process.exit()
