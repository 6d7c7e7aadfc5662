import type { GeneratedToken } from './generator.ts'

export interface SampleOptions {
  /** 0 takes the likeliest token; of equals the first. */
  readonly temperature: number
  /** The likeliest tokens whose probabilities add up to at least this are drawn from. */
  readonly topP: number
  /** In [0, 1); asked once, and not at all at temperature 0. */
  readonly random: () => number
}

/** Draws the next token from the logits of the whole vocabulary. */
export function sampleToken(logits: Float32Array, options: SampleOptions): GeneratedToken {
  const likeliest = indexOfLargest(logits)
  const largest = logits[likeliest] as number
  const { temperature } = options
  const token = temperature > 0 ? draw(logits, largest, options) : likeliest
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
  if (topP >= 1) return drawFrom(weights, total * random())
  const nucleus = nucleusOf(weights, total, topP)
  const within = nucleus.reduce((sum, token) => sum + (weights[token] as number), 0)
  const place = drawFrom(
    nucleus.map((token) => weights[token] as number),
    within * random(),
  )
  return nucleus[place] as number
}

/**
 * The likeliest tokens whose shares add up to `topP`, likeliest first. Tokens whose share is below
 * (1 - topP) / vocabulary add up to less than 1 - topP, so none of them can be needed: what is
 * sorted are a few tokens of some fifty thousand.
 */
function nucleusOf(weights: Float64Array, total: number, topP: number): number[] {
  const least = ((1 - topP) / weights.length) * total
  const candidates: number[] = []
  for (let token = 0; token < weights.length; token += 1) {
    if ((weights[token] as number) >= least) candidates.push(token)
  }
  candidates.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b)
  let sum = 0
  const needed = candidates.findIndex((token) => {
    sum += weights[token] as number
    return sum >= topP * total
  })
  return needed < 0 ? candidates : candidates.slice(0, needed + 1)
}

/** The place at which the running sum passes `target`; rounding leaves the last that weighs anything. */
function drawFrom(weights: ArrayLike<number>, target: number): number {
  let sum = 0
  let last = 0
  for (let at = 0; at < weights.length; at += 1) {
    const weight = weights[at] as number
    if (weight === 0) continue
    sum += weight
    last = at
    if (sum > target) return at
  }
  return last
}
