import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { jointShape, rowsOf } from './joint-tensors.ts'
import { modelKey } from './model.ts'
import type { Work } from './worker-messages.ts'

/** Which calls may share a run with one. */
export interface CallGroup {
  /** The same for those that may. */
  readonly key: string
  /** Calls of this size cost alike, whatever their parameters. */
  readonly costKey: string
  /** How many calls of this size one run may hold. */
  readonly mostCalls: number
}

/**
 * Calls may share a run that ask the same version of a model, with the same parameters and tensors of
 * the same form, and are about of one size: so much shorter is the wait of none for another.
 *
 * The rows of a plain call are guessed here. A worker counts them, and never lets more rows meet than
 * the manifest's `batch.rows`, which were proven not to influence each other.
 *
 * @returns nothing for a call that must run alone
 */
export function callGroup(entry: ModelEntry, work: Work): CallGroup | undefined {
  const { inputs, outputs, batch } = entry.manifest
  if (batch.rows === 1 || work.kind === 'load' || work.kind === 'ready') return undefined
  // A graph of a fixed number of rows takes no others.
  if ([...inputs, ...outputs].some(({ shape }) => shape[0] !== -1)) return undefined
  const rows = work.kind === 'infer' ? rowsOf(work.request.inputs) : likelyRows(work.request.inputs)
  const mostCalls = Math.floor(batch.rows / (rows ?? batch.rows))
  if (!(mostCalls > 1)) return undefined
  const size = Math.ceil(Math.log2(rows ?? 1))
  const form =
    work.kind === 'infer'
      ? JSON.stringify([jointShape(work.request.inputs), work.request.outputs])
      : ''
  const costKey = `${modelKey(entry)} ${work.kind} ${size} ${form}`
  const parameters = work.kind === 'predict' ? JSON.stringify(work.request.parameters) : ''
  return { key: `${costKey} ${parameters}`, costKey, mostCalls }
}

/** A list of anything but numbers is a list of rows, nearly always. */
function likelyRows(inputs: unknown): number {
  return Array.isArray(inputs) && typeof inputs[0] !== 'number' ? Math.max(inputs.length, 1) : 1
}
