import { join } from 'node:path'
import { createDynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { type CallUnits, countDynamodbUnits } from '#test/metering/count-dynamodb-units.ts'
import { countUnitsByMode, type ModeUnits } from '#test/metering/count-units-by-mode.ts'
import { createLedgerTable } from '#test/metering/dynamodb-ledger-table.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { interleave } from './harness/interleave.ts'
import { milliseconds } from './harness/milliseconds.ts'
import { runNode } from './harness/node-process.ts'
import type { Measure, Row } from './harness/report.ts'
import { statistics } from './harness/statistics.ts'

/** Medians over the calls of one process in milliseconds, and calls a second. */
interface MeteredTimes {
  readonly flush: number
  readonly unmetered: number
  readonly metered: number
  readonly limited: number
  readonly perSecond: number
}

interface HttpLoad {
  readonly perSecond: number
  /** Milliseconds a call, of the host with all its threads and of what sends the calls. */
  readonly hostCpu: number
  readonly loadCpu: number
}

const process = (name: string) => join(import.meta.dirname, `processes/${name}.ts`)

/** What it takes to charge for each call exactly once. */
export const metering: Measure = async ({ samples }) => {
  const rounds = Math.max(3, Math.round(samples / 3))
  const missing = whyNoDynamoDbLocal()
  const dynamodb = missing === undefined ? await startDynamodb() : undefined
  try {
    const found = await interleave(
      {
        sqlite: () => runNode<MeteredTimes>({ file: process('metered-calls'), args: ['1000'] }),
        http: () => runNode<HttpLoad>({ file: process('http-load'), args: ['6000'] }),
        ...(dynamodb && { dynamodb: dynamodb.measure }),
      } as Variants,
      rounds,
    )
    return {
      title: 'Pay per call, iris',
      rows: [
        milliseconds(
          'a bare wait for the disk: 4 KB written and flushed',
          statistics(found.sqlite.map(({ flush }) => flush)),
        ),
        ...addedBy('SQLite on disk', found.sqlite, 1),
        perSecond('SQLite, endpoint in process, 64 at once', found.sqlite),
        perSecond('SQLite, over HTTP, 64 at once', found.http),
        milliseconds(
          'SQLite, over HTTP: CPU time of the host a call',
          statistics(found.http.map(({ hostCpu }) => hostCpu)),
        ),
        milliseconds(
          'SQLite, over HTTP: CPU time of the load a call',
          statistics(found.http.map(({ loadCpu }) => loadCpu)),
        ),
        ...(dynamodb ? addedBy('DynamoDB Local', found.dynamodb) : []),
        ...(dynamodb?.units ?? []).map(writeUnits),
        ...(dynamodb?.unitsByMode ?? []).map(modeUnits),
      ],
      notes: [
        'Metering: in each process the same endpoint in turn without meter and rate limit, with them, and with a cap, a quota, a concurrency and a rate limit of the account; the rows are differences of medians. A call waits once for the disk: for its charge, not for its hold. Over HTTP the load comes from a third process on the same CPUs, over plain sockets; every answer is checked.',
        "DynamoDB Local is one Java process that runs on the same CPUs and keeps its table in memory: its times say nothing of AWS. Write units are counted by DynamoDB's rules from what is sent and stored, reserve and settle together.",
        ...(missing === undefined ? [] : [missing]),
      ],
    }
  } finally {
    await dynamodb?.stop()
  }
}

interface Variants {
  sqlite: () => Promise<MeteredTimes>
  http: () => Promise<HttpLoad>
  dynamodb: () => Promise<MeteredTimes>
}

function addedBy(store: string, times: readonly MeteredTimes[], atMost?: number): Row[] {
  const added = (of: (time: MeteredTimes) => number) => statistics(times.map(of))
  const bar = atMost === undefined ? {} : { atMost }
  return [
    {
      ...milliseconds(
        `${store}: metering adds`,
        added(({ metered, unmetered }) => metered - unmetered),
      ),
      ...bar,
    },
    {
      ...milliseconds(
        `${store}: metering with all limits adds`,
        added(({ limited, unmetered }) => limited - unmetered),
      ),
      ...bar,
    },
  ]
}

const perSecond = (what: string, times: readonly { readonly perSecond: number }[]): Row => {
  const { median, best, p90 } = statistics(times.map((time) => -time.perSecond))
  const value = { median: -median, best: -best, p90: -p90 }
  return { what, unit: 'calls/s', value, atLeast: 2_000 }
}

const writeUnits = ({ mode, reserve, settle }: CallUnits): Row => ({
  what: `DynamoDB, ${mode}: written a call`,
  unit: 'units',
  value: written(reserve) + written(settle),
})

const modeUnits = ({ mode, written }: ModeUnits): Row => ({
  what: `DynamoDB, account metered ${mode}: written a call`,
  unit: 'units',
  value: written,
})

const written = (units: string) => Number(/^(\d+) written/.exec(units)?.[1])

async function startDynamodb() {
  const server = await startDynamoDbLocal()
  const { endpoint, region, credentials } = server
  const client = createDynamodbClient({
    endpoint,
    region,
    credentials: () => credentials,
    timeoutMs: 20_000,
    deadlineMs: 20_000,
  })
  await createLedgerTable(client, 'counted')
  await createLedgerTable(client, 'ledger')
  const environment = {
    PERCALL_LEDGER: 'dynamodb:ledger',
    PERCALL_ANSWERS: 's3://none-is-large',
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
  }
  const args = ['100', JSON.stringify(environment)]
  return {
    units: await countDynamodbUnits(client, 'counted'),
    unitsByMode: await countUnitsByMode(client, 'counted'),
    measure: () => runNode<MeteredTimes>({ file: process('metered-calls'), args }),
    stop: server.stop,
  }
}
