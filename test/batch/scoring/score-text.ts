import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { PartLine } from '#shared/batch/chunk.ts'
import type { ObjectStore, StoredObject } from '#shared/batch/object-store.ts'
import type { ChunkRange, PlanSource } from '#shared/batch/plan.ts'
import type { ChunkWork, Scorer } from '#shared/batch/scorer.ts'
import {
  createProcessScorer,
  type ProcessScorerOptions,
} from '#shared/batch/scoring/process-scorer.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { testEntry } from '#test/support/test-model.ts'

export interface TestModel {
  readonly entry: ModelEntry
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** A model of four numbers whose scores are the first two of them. */
export function testModel(
  bytes: Uint8Array<ArrayBuffer>,
  { rows = 8, sample = [0.5, 0.25, 0, 0] }: { rows?: number; sample?: number[] } = {},
): TestModel {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const artifact = { key: 'plain/1/model.onnx', sha256, bytes: bytes.length, dtype: 'float32' }
  const [no = 0, yes = 0] = sample
  return {
    bytes,
    entry: testEntry(
      { artifact, batch: { rows } },
      {
        sample: { inputs: sample },
        expected: {
          outputs: [
            { label: 'no', score: no },
            { label: 'yes', score: yes },
          ],
          metric: 'max-absolute-difference',
          tolerance: 1e-6,
        },
      },
    ),
  }
}

/** Kept from one run of the tests to the next. */
const codeCache = join(import.meta.dirname, '../../../node_modules/.cache/percall-code')

export const fixtureProgram = new URL('./score-process-fixture.ts', import.meta.url)

/** A scorer of one model, with the endings of the processes that died. */
export function openScorer(
  { bytes }: Pick<TestModel, 'bytes'>,
  options: Partial<ProcessScorerOptions> = {},
): { scorer: Scorer; deaths: string[] } {
  const deaths: string[] = []
  const scorer = createProcessScorer({
    program: fixtureProgram,
    readArtifact: async () => bytes,
    size: 1,
    memoryLimitBytes: 600_000_000,
    codeCache,
    onDeath: ({ kind }) => deaths.push(kind),
    ...options,
  })
  return { scorer, deaths }
}

/** Work on a text that lies in memory. */
export function workOn(
  text: string | Uint8Array,
  entry: ModelEntry,
  changes: Partial<ChunkWork> & { format?: 'jsonl' | 'csv'; columns?: readonly string[] } = {},
): ChunkWork {
  const { format = 'jsonl', columns = [], ...others } = changes
  const data = Buffer.from(text)
  const object: StoredObject = { key: 'in', version: '1', sizeBytes: data.length, modifiedAt: 0 }
  const source: PlanSource =
    format === 'csv'
      ? { format, object, separator: ',', columns, dataStart: 0 }
      : { format, object }
  const range: ChunkRange = { start: 0, end: data.length }
  const read: ObjectStore['read'] = async function* (_, { start, end } = range) {
    for (let at = start; at < end; at += 50_000) yield data.subarray(at, Math.min(end, at + 50_000))
  }
  const records = { kind: 'input' } as const
  return { entry, source, range, read, parameters: {}, records, join: false, ...others }
}

export async function scorePart(scorer: Scorer, work: ChunkWork) {
  const chunk = await scorer.open(work)
  try {
    return await chunk.score()
  } finally {
    await chunk.close()
  }
}

export const linesOf = (part: Uint8Array): PartLine[] =>
  Buffer.from(part)
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

export const jsonLines = (values: readonly unknown[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join('')
