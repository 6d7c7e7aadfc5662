import { readFileSync } from 'node:fs'
import { irisRows } from '../chaos/iris-rows.ts'
import { openLocalBatch } from '../local-batch.ts'

/** A whole service that is killed while its processes score: says who they are. */
const home = process.argv[2] ?? ''
const chunkSizes = { bytes: () => 20_000, parquetRows: 1, listBytes: 1 }
const batch = await openLocalBatch({ home, size: 2, chunkSizes })
const job = await batch.order({ model: 'iris' }, irisRows(200_000))
for (;;) {
  await batch.moment()
  const { done, chunks } = (await batch.services.jobs.find(job.id)) ?? job
  if (done.chunks > 0 && done.chunks < chunks) break
}
const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
process.stdout.write(`${JSON.stringify({ job: job.id, children: children.trim().split(' ') })}\n`)
