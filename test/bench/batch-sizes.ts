import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { runJob } from './batch-rates.ts'
import type { Row } from './harness/report.ts'

/** About so many bytes a record: a table with a column of remarks. */
const recordBytes = 1_000
/** What a run may take, judged by the one before. */
const longestMs = 150_000

interface Peaks {
  readonly host: number
  readonly scoring: number
}

/** Memory and first result, of 1 MB, 100 MB and 1 GB of input. */
export async function batchSizes(): Promise<{ rows: Row[]; notes: string[] }> {
  const rows: Row[] = []
  const notes: string[] = []
  let pace = Number.POSITIVE_INFINITY
  const peaks: Peaks[] = []
  for (const megabytes of [1, 100, 1_000]) {
    const affordable = Math.floor((pace * longestMs) / 1_000)
    const records = Math.min((megabytes * 1e6) / recordBytes, affordable)
    const { bavail, bsize } = statfsSync(tmpdir())
    if (records * recordBytes * 4 > bavail * bsize) {
      notes.push(`There is no room on the disk for ${megabytes} MB of input.`)
      break
    }
    const { warm } = await runJob({
      model: 'iris',
      records,
      warmUpRecords: 0,
      size: 2,
      recordBytes,
    })
    const what = `${Math.round(warm.inputMB)} MB, ${warm.chunks} chunks`
    if (megabytes > 1) pace = warm.perSecond
    peaks.push({ host: warm.hostPeakMB, scoring: warm.scoringPeakMB })
    rows.push(
      { what: `${what}: the whole job`, unit: 's', value: warm.records / warm.perSecond },
      { what: `${what}: peak RSS of the host`, unit: 'MB', value: warm.hostPeakMB },
      { what: `${what}: peak RSS of a scoring process`, unit: 'MB', value: warm.scoringPeakMB },
      {
        what: `${what}: first chunk settled, cold`,
        unit: 'ms',
        value: warm.firstMs,
        atMost: 2_000,
      },
      ...warm.estimates.flatMap(({ ratio, holds }, at) =>
        megabytes > 1
          ? [
              {
                what: `${what}: time left, told ÷ true, at ${(at + 1) * 25} %${holds ? '' : ' (beyond its range)'}`,
                unit: '×',
                value: ratio,
              } as const,
            ]
          : [],
      ),
    )
  }
  const growth = (of: (peak: Peaks) => number) => {
    const [small = 0, large = 0] = peaks.slice(-2).map(of)
    return { unit: '×', value: large / small, atMost: 1.1 } as const
  }
  rows.push(
    { what: 'peak RSS of the host, largest ÷ the one before', ...growth(({ host }) => host) },
    { what: 'peak RSS of scoring, largest ÷ the one before', ...growth(({ scoring }) => scoring) },
  )
  return { rows, notes }
}
