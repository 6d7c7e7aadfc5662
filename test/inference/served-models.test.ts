import { afterAll, describe, expect, test } from 'vitest'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { committedFile } from '#test/support/committed-file.ts'
import { isCommitted } from '#test/support/is-committed.ts'
import { writePng } from '#test/tasks/write-png.ts'

/** A model whose file is not committed is proved where it is pulled, not here. */
const entries = readModels('models', { parse: parseManifest }).filter(isCommitted)
const runner = inlineRunner({ threads: 1, readArtifact: committedFile })
afterAll(() => runner.close())

describe.each(entries.map((entry) => [entry.manifest.name, entry] as const))('%s', (_, entry) => {
  const ask = async (inputs: unknown) =>
    (await runner.predict(entry, { inputs, parameters: entry.sample.parameters ?? {} })).outputs

  test('gives the answer of its golden sample', () => runner.ready(entry))

  test('answers a row the same bit for bit, whoever its neighbours are', async () => {
    const rows = await variationsOf(entry)
    const together = await ask(rows)
    const alone = await Promise.all(rows.map((row) => ask([row])))
    expect(together).toStrictEqual(alone.flat())
    expect(await ask([...rows].reverse())).toStrictEqual([...alone].reverse().flat())
  })
})

/** The sample's first row and rows like it: as many different ones as its kind allows. */
async function variationsOf({ sample, manifest }: ModelEntry): Promise<unknown[]> {
  const { inputs } = sample
  const single = !Array.isArray(inputs) || typeof inputs[0] === 'number'
  const row: unknown = single ? inputs : inputs[0]
  if (Array.isArray(row)) {
    return [row, ...[0.5, 1.3, 2, 0].map((by) => row.map((value: number) => value * by))]
  }
  if (manifest.task.name.startsWith('text') && typeof row === 'string') {
    return [row, row.split('').reverse().join(''), `${row} ${row}`, 'The quick brown fox.', 'a']
  }
  return [row, ...[7, 31, 97].map(picture)]
}

/** An image unlike others: as base64, with a pattern of its own. */
function picture(step: number): string {
  const samples = Array.from({ length: 48 * 40 * 3 }, (_, at) => (at * step) % 256)
  return writePng({ width: 48, height: 40, depth: 8, colour: 2, samples }).toString('base64')
}
