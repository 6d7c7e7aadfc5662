import type { Tensor, Tensors } from '#shared/runtime/tensor.ts'

/** What the graph of a language model does not say of itself. */
export interface CacheShape {
  readonly layers: number
  readonly kvHeads: number
  readonly headSize: number
}

/**
 * Keys and values of the tokens that were read: one slot a sequence. The model adds to them in
 * place. Memory: 8 bytes × layers × heads × head size for each token, and only pages that were
 * written take any.
 */
export interface TokenCache {
  /**
   * Lays the first `slots` slots out for texts of up to `tokens` tokens; each keeps what it holds
   * of them. onnxruntime-node copies whatever a run gives back, in place or not, so a step costs
   * as much as there is room: it is kept tight.
   */
  fit(slots: number, tokens: number): void
  /** The slots from `first` on, as the model takes them and gives them back: the same memory. */
  rows(first: number, count: number): { readonly past: Tensors; readonly present: Tensors }
  /** Copies what a slot holds of its first `tokens` tokens over another slot. */
  copy(from: number, to: number, tokens: number): void
}

/** Room grows by so many tokens at a time: moving all texts once costs about what one step copies. */
const roomTokens = 64

export function createTokenCache(
  { layers, kvHeads, headSize }: CacheShape,
  { slots, contextTokens }: { slots: number; contextTokens: number },
): TokenCache {
  const parts = Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`])
    .flat()
    .map((name) => ({
      name,
      data: new Float32Array(slots * kvHeads * contextTokens * headSize),
    }))
  /** Tokens that each slot has room for. */
  let room = Math.min(roomTokens, contextTokens)
  const headLength = () => room * headSize
  const slotLength = () => kvHeads * headLength()

  return {
    fit(used, tokens) {
      const next = Math.min(Math.ceil(tokens / roomTokens) * roomTokens, contextTokens)
      if (next === room) return
      const heads = Array.from({ length: used * kvHeads }, (_, head) => head)
      // Nothing is overwritten before it has moved: apart from the last, together from the first.
      if (next > room) heads.reverse()
      const kept = Math.min(room, next) * headSize
      for (const { data } of parts) {
        for (const head of heads) {
          const start = head * headLength()
          data.copyWithin(head * next * headSize, start, start + kept)
        }
      }
      room = next
    },
    rows(first, count) {
      const past: Record<string, Tensor> = {}
      const present: Record<string, Tensor> = {}
      for (const { name, data } of parts) {
        const tensor: Tensor = {
          datatype: 'FP32',
          shape: [count, kvHeads, room, headSize],
          data: data.subarray(first * slotLength(), (first + count) * slotLength()),
        }
        past[`past_key_values.${name}`] = tensor
        present[`present.${name}`] = tensor
      }
      return { past, present }
    },
    copy(from, to, tokens) {
      for (const { data } of parts) {
        for (let head = 0; head < kvHeads; head += 1) {
          const start = from * slotLength() + head * headLength()
          const target = to * slotLength() + head * headLength()
          data.copyWithin(target, start, start + tokens * headSize)
        }
      }
    },
  }
}
