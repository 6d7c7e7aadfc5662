import type { GeneratedToken } from './generator.ts'

export interface SampleOptions {
  /** 0 takes the likeliest token; of equals the first. */
  readonly temperature: number
  /** The likeliest tokens whose probabilities add up to at least this are drawn from. */
  readonly topP: number
  /** In [0, 1); asked once, and not at all at temperature 0. */
  readonly random: () => number
  /** Whether the token's probability is told, too. */
  readonly logProbabilities?: boolean | undefined
}

/** Draws the next token from the logits of the whole vocabulary. */
export function sampleToken(logits: Float32Array, options: SampleOptions): GeneratedToken {
  const likeliest = indexOfLargest(logits)
  const largest = logits[likeliest] as number
  const { temperature, logProbabilities } = options
  const token = temperature > 0 ? draw(logits, largest, options) : likeliest
  if (!logProbabilities) return { token }
  const logProbability =
    (logits[token] as number) - largest - Math.log(sumOfPowers(logits, largest))
  return { token, logProbability }
}

function indexOfLargest(values: Float32Array): number {
  let best = 0
  for (let at = 1; at < values.length; at += 1) {
    if ((values[at] as number) > (values[best] as number)) best = at
  }
  return best
}

/** Of e to the power of each logit's distance from the largest. */
function sumOfPowers(logits: Float32Array, largest: number): number {
  let sum = 0
  for (let at = 0; at < logits.length; at += 1) sum += Math.exp((logits[at] as number) - largest)
  return sum
}

function draw(
  logits: Float32Array,
  largest: number,
  { temperature, topP, random }: SampleOptions,
): number {
  const weights = new Float64Array(logits.length)
  let total = 0
  for (let at = 0; at < weights.length; at += 1) {
    const weight = Math.exp(((logits[at] as number) - largest) / temperature)
    weights[at] = weight
    total += weight
  }
  if (topP === 1) return drawFrom(weights.keys(), weights, total * random())
  const { tokens, sum } = nucleus(weights, total, topP)
  return drawFrom(tokens, weights, sum * random())
}

/**
 * The likeliest tokens whose shares add up to `topP`, of equals the first, in the order of the
 * vocabulary. Tokens whose share is below (1 - topP) / vocabulary add up to less than 1 - topP, so
 * none of them can be needed: what is sorted are mostly a few of some fifty thousand.
 */
function nucleus(weights: Float64Array, total: number, topP: number) {
  const candidates = weightsFrom(weights, ((1 - topP) / weights.length) * total).sort()
  let place = candidates.length
  let sum = 0
  while (place > 0 && (sum === 0 || sum < topP * total)) {
    place -= 1
    sum += candidates[place] as number
  }
  const lowest = candidates[place] as number
  let equals = candidates.lastIndexOf(lowest) - place + 1
  const tokens: number[] = []
  for (let token = 0; token < weights.length; token += 1) {
    const weight = weights[token] as number
    if (weight > lowest) tokens.push(token)
    else if (weight === lowest && equals > 0) {
      tokens.push(token)
      equals -= 1
    }
  }
  return { tokens, sum }
}

function weightsFrom(weights: Float64Array, least: number): Float64Array {
  const found = new Float64Array(weights.length)
  let count = 0
  for (let token = 0; token < weights.length; token += 1) {
    const weight = weights[token] as number
    if (weight < least) continue
    found[count] = weight
    count += 1
  }
  return found.subarray(0, count)
}

/** The token at which the running sum passes `target`; rounding leaves the last that weighs anything. */
function drawFrom(tokens: Iterable<number>, weights: Float64Array, target: number): number {
  let sum = 0
  let last = 0
  for (const token of tokens) {
    const weight = weights[token] as number
    if (weight === 0) continue
    sum += weight
    last = token
    if (sum > target) return token
  }
  return last
}
