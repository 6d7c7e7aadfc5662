import { exportOutbox } from '#shared/exporters/export-outbox.ts'
import { createSqliteOutbox } from '#shared/exporters/sqlite-outbox.ts'
import { createStripeSink } from '#shared/exporters/stripe-sink.ts'

/** A process that sends what is due: the outbox's file, Stripe's address and the time are its arguments. */
const [, , path = '', baseUrl = '', time = ''] = process.argv
const apiKey = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'
await exportOutbox({
  outbox: createSqliteOutbox({ path }),
  sink: createStripeSink({ apiKey, baseUrl }),
  now: () => Number(time),
})
