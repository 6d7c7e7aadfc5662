import { batchChunks } from './batch-chunks.ts'
import { batchRates } from './batch-rates.ts'
import { batchSizes } from './batch-sizes.ts'
import { makeBatchModels } from './harness/batch-models.ts'
import type { Measure } from './harness/report.ts'

/** Whole jobs, from the order until the outputs are out, on one machine. */
export const batch: Measure = async ({ samples }) => {
  await makeBatchModels()
  const rounds = Math.max(Math.min(2, samples - 1), Math.round(samples / 4))
  const rates = await batchRates(rounds)
  const chunks = await batchChunks(rounds)
  const sizes = await batchSizes()
  return {
    title: 'Batch scoring',
    rows: [...rates, ...chunks, ...sizes.rows],
    notes: [
      'Batch: a job is ordered of a host that has just done a smaller one, and ends when its outputs are out: plan, processes that score, parts, ledger, job store and outputs on disk, each chunk charged. Host and scoring processes share the CPUs that the bare loop has (pinned by `taskset`); the bare loop has one thread a process, takes tensors that are ready, at the batch size that is fastest, and looks at no answer. With one CPU rows/s are those of a vCPU.',
      'Batch: the plain script reads lines, runs the model and writes the best label; it checks nothing, charges nothing and starts over when it dies. `@huggingface/transformers` serves none of these models without the network; it is not compared.',
      'Batch: the parts of a row are measured each by itself in one process (`processes/batch-split.ts`); the rest is what the whole job takes more: messages between processes, digests, parts, ledger, outputs. The transformer is the text encoder of the cold start: int8, random weights. In company its rows do not all come out bit by bit as alone (one of 480 in fours), so it runs a row at a time, and is compared with a bare loop that does so too; that of the fastest size stands beside it.',
      'Batch: for sizes iris has a column of remarks beside its own, so that a record has 1 kB; one run each, by a new host with two processes. A CSV is read once before it is cut, for its quotes.',
      ...sizes.notes,
    ],
  }
}
