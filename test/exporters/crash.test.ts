import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { exportOutbox } from '#shared/exporters/export-outbox.ts'
import { fillOutbox } from '#shared/exporters/fill-outbox.ts'
import type { Outbox } from '#shared/exporters/outbox.ts'
import { resolveRecord } from '#shared/exporters/resolve-record.ts'
import { runExporter } from '#shared/exporters/run-exporter.ts'
import type { Sink } from '#shared/exporters/sink.ts'
import { hourMs } from '#shared/exporters/usage-record.ts'
import { answer } from '#test/servers/faulty-http-server.ts'
import { minuteMs, openBooks, openTenant, sell, start } from './exporter-samples.ts'
import { sinkWorlds, waitingFor } from './sink-worlds.ts'

/** A new world with five charges of 3 micros in three hours, and a clock after them. */
async function openWorld(name: string) {
  const books = openBooks(start + 4 * hourMs)
  const world = await sinkWorlds[name]?.(books.now)
  if (!world) throw new Error('There is no such sink.')
  const tenant = await openTenant(books.ledger)
  for (let call = 0; call < 5; call += 1) {
    await sell(books.ledger, tenant, { at: start + call * 35 * minuteMs, amount: 3n })
  }
  const close = async () => {
    await world.stop()
    await books.close()
  }
  return { ...books, world, tenant, close }
}

/** The process dies at the n-th step outside of it: before the step has any effect, or right after. */
function dieAt(point: number, landed: boolean) {
  let steps = 0
  const alive = async <Result>(step: () => Promise<Result>): Promise<Result> => {
    steps += 1
    if (steps < point) return step()
    if (steps === point && landed) await step()
    throw new Error('dead')
  }
  return {
    outbox: (outbox: Outbox): Outbox => ({
      add: (...args) => alive(() => outbox.add(...args)),
      records: (...args) => alive(() => outbox.records(...args)),
      list: (...args) => alive(() => outbox.list(...args)),
      mark: (...args) => alive(() => outbox.mark(...args)),
      cursor: (...args) => alive(() => outbox.cursor(...args)),
      advance: (...args) => alive(() => outbox.advance(...args)),
      close: async () => {},
    }),
    sink: (sink: Sink): Sink => ({
      ...sink,
      send: (...args) => alive(() => sink.send(...args)),
      ...(sink.find && { find: (...args) => alive(() => sink.find?.(...args) ?? unanswered()) }),
    }),
  }
}

const unanswered = async () => ({ kind: 'unknown', reason: '' }) as const

describe.each(Object.keys(sinkWorlds))('the exporter for %s', (name) => {
  test.each([
    ['minutes', 6 * minuteMs],
    ['thirty hours', 30 * hourMs],
  ])(
    'loses nothing and bills nothing twice where it dies at any step and comes back after %s',
    async (_, pauseMs) => {
      let point = 1
      for (let ended = false; !ended; point += 1) {
        for (const landed of [false, true]) {
          const { ledger, outbox, clock, now, world, close } = await openWorld(name)
          const { meters, customerOf, sink } = world.export
          const process = dieAt(point, landed)
          const dying = { outbox: process.outbox(outbox), sink: process.sink(sink) }
          ended = await fillOutbox({
            ledger,
            outbox: dying.outbox,
            sink: sink.name,
            meters,
            customerOf,
            now,
          })
            .then(() => exportOutbox({ ...dying, now }))
            .then(
              () => true,
              () => false,
            )
          for (let passes = 0; passes < 5; passes += 1) {
            clock.time += passes === 0 ? pauseMs : hourMs
            await runExporter({ ledger, outbox, exports: [world.export], now })
            const doubtful = await waitingFor(outbox, name)
            if (name === 'stripe') expect(doubtful).toEqual([])
            for (const record of doubtful) {
              const found = world.has(record) ? 'present' : 'absent'
              await resolveRecord({ outbox, sink: name, id: record.id, found, now })
            }
          }
          expect([point, landed, world.billed('calls'), world.billed('micros')]).toEqual([
            point,
            landed,
            5,
            15,
          ])
          await close()
        }
      }
      expect(point).toBeGreaterThan(15)
    },
    60_000,
  )

  test('bills nothing twice where many exporters run at once', async () => {
    const { ledger, outbox, clock, now, world, close } = await openWorld(name)
    world.plan(answer(503, '', true), undefined, answer(503))
    for (let passes = 0; passes < 3; passes += 1) {
      const exports = [world.export]
      await Promise.all(
        Array.from({ length: 5 }, () => runExporter({ ledger, outbox, exports, now })),
      )
      clock.time += 6 * minuteMs
    }
    expect([world.billed('calls'), world.billed('micros')]).toEqual([5, 15])
    await close()
  })
})

test('bills once what a process had sent when it was killed', async () => {
  const { ledger, outbox, outboxPath, clock, now, world, close } = await openWorld('stripe')
  const { meters, customerOf, sink } = world.export
  await fillOutbox({ ledger, outbox, sink: sink.name, meters, customerOf, now })
  // Its first event lands, and no answer comes: it is killed while it waits.
  world.always({ kind: 'hang', landed: true })
  const script = fileURLToPath(new URL('export-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, outboxPath, world.url, String(clock.time)])
  const exited = once(child, 'exit')
  await expect.poll(() => world.lines(), { timeout: 20_000 }).toBe(1)
  child.kill('SIGKILL')
  await exited
  world.always(undefined)
  const pending = await outbox.list({ sink: 'stripe', state: 'pending', limit: 99 })
  expect(pending.filter(({ uncertainSince }) => uncertainSince !== undefined)).toHaveLength(1)
  clock.time += 6 * minuteMs
  await runExporter({ ledger, outbox, exports: [world.export], now })
  expect([world.billed('calls'), world.billed('micros')]).toEqual([5, 15])
  await close()
}, 30_000)
