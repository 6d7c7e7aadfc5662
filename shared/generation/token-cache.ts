import type { Tensor, Tensors } from '#shared/runtime/tensor.ts'

/** What the graph of a language model does not say of itself. */
export interface CacheShape {
  readonly layers: number
  readonly kvHeads: number
  readonly headSize: number
}

/**
 * Keys and values of the tokens that were read: one slot a sequence. The model adds to them in
 * place, so a step costs the same however long the text. Memory: 8 bytes × layers × heads × head
 * size for each token, and only pages that were written take any.
 */
export interface TokenCache {
  /** The slots from `first` on, as the model takes them and gives them back: the same memory. */
  rows(first: number, count: number): { readonly past: Tensors; readonly present: Tensors }
  /** Copies what a slot holds of its first `tokens` tokens over another slot. */
  copy(from: number, to: number, tokens: number): void
}

export function createTokenCache(
  { layers, kvHeads, headSize }: CacheShape,
  { slots, contextTokens }: { slots: number; contextTokens: number },
): TokenCache {
  const headLength = contextTokens * headSize
  const slotLength = kvHeads * headLength
  const parts = Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`])
    .flat()
    .map((name) => ({ name, data: new Float32Array(slots * slotLength) }))
  return {
    rows(first, count) {
      const past: Record<string, Tensor> = {}
      const present: Record<string, Tensor> = {}
      for (const { name, data } of parts) {
        const tensor: Tensor = {
          datatype: 'FP32',
          shape: [count, kvHeads, contextTokens, headSize],
          data: data.subarray(first * slotLength, (first + count) * slotLength),
        }
        past[`past_key_values.${name}`] = tensor
        present[`present.${name}`] = tensor
      }
      return { past, present }
    },
    copy(from, to, tokens) {
      for (const { data } of parts) {
        for (let head = 0; head < kvHeads; head += 1) {
          const start = from * slotLength + head * headLength
          data.copyWithin(to * slotLength + head * headLength, start, start + tokens * headSize)
        }
      }
    },
  }
}
