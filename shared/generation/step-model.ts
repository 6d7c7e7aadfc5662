import type { Session } from '#shared/runtime/session.ts'
import type { Tensor } from '#shared/runtime/tensor.ts'
import { type CacheShape, createTokenCache } from './token-cache.ts'

export interface StepModelOptions {
  session: Session
  shape: ModelShape
  slots: number
  contextTokens: number
}

export interface ModelShape extends Omit<CacheShape, 'layers'> {
  readonly vocabulary: number
}

/** One run of a language model: it reads tokens into slots of the cache, and says what may follow. */
export interface StepModel {
  /** Before texts grow: the first `slots` slots have room for `tokens` tokens each from now on. */
  fit(slots: number, tokens: number): void
  /** Reads further tokens of one text, which holds `length` so far. */
  readMany(slot: number, length: number, tokens: readonly number[]): Promise<Float32Array>
  /** Reads one token of each text of the first slots; answers the logits of all, row after row. */
  readOneEach(rows: readonly { length: number; token: number }[]): Promise<Float32Array>
  copy(from: number, to: number, tokens: number): void
}

/** The tensors are those that `models/smollm2/llama.py` describes. */
export function createStepModel(options: StepModelOptions): StepModel {
  const { session, shape, slots, contextTokens } = options
  const layers = session.inputNames.filter((name) => name.endsWith('.key')).length
  const cache = createTokenCache({ ...shape, layers }, { slots, contextTokens })
  const logits = new Float32Array(slots * shape.vocabulary)

  const run = async (first: number, lengths: readonly number[], tokens: readonly number[]) => {
    const rows = lengths.length
    const { past, present } = cache.rows(first, rows)
    const data = logits.subarray(0, rows * shape.vocabulary)
    await session.runInto(
      {
        input_ids: {
          datatype: 'INT64',
          shape: [rows, tokens.length / rows],
          data: BigInt64Array.from(tokens, BigInt),
        },
        seqlens_k: int32(
          [rows],
          lengths.map((length) => length - 1),
        ),
        total_sequence_length: int32([], [Math.max(...lengths)]),
        ...past,
      },
      { logits: { datatype: 'FP32', shape: [rows, shape.vocabulary], data }, ...present },
    )
    return data
  }
  return {
    fit: cache.fit,
    readMany: (slot, length, tokens) => run(slot, [length + tokens.length], tokens),
    readOneEach: (rows) =>
      run(
        0,
        rows.map(({ length }) => length + 1),
        rows.map(({ token }) => token),
      ),
    copy: cache.copy,
  }
}

const int32 = (shape: readonly number[], values: readonly number[]): Tensor => ({
  datatype: 'INT32',
  shape,
  data: Int32Array.from(values),
})
