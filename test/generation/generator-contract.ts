import { expect, it } from 'vitest'
import type { Generator } from '#shared/generation/generator.ts'
import { asking, expected, tokensOf } from './tiny-model.ts'

const [first, , question] = expected as [(typeof expected)[0], unknown, (typeof expected)[0]]

/** What a generator of the tiny model does, wherever it runs. */
export function generatorContract(find: () => Generator): void {
  it.each(expected)(
    'writes after $text what the reference in numpy writes, with its probabilities',
    async ({ prompt, tokens, logProbabilities }) => {
      const request = asking(prompt, { maxTokens: tokens.length, logProbabilities: true })
      const written = await Array.fromAsync(find().generate(request))
      expect(written.map(({ token }) => token)).toEqual(tokens)
      for (const [at, { logProbability }] of written.entries()) {
        expect(logProbability).toBeCloseTo(logProbabilities[at] ?? Number.NaN, 3)
      }
    },
  )

  it('ends with the stop token, and says it', async () => {
    const stop = first.tokens[4] as number
    const request = asking(first.prompt, { maxTokens: 40, stopTokens: [999, stop] })
    expect(await tokensOf(find().generate(request))).toEqual(first.tokens.slice(0, 5))
  })

  it('ends where prompt and answer fill the context', async () => {
    const prompt = Array.from({ length: 250 }, (_, at) => at)
    const tokens = await tokensOf(find().generate(asking(prompt, { maxTokens: 1_000 })))
    expect(tokens).toHaveLength(6)
  })

  it('writes the same text for the same seed, and another for another', async () => {
    const ask = (seed: number) =>
      tokensOf(find().generate(asking(question.prompt, { seed, temperature: 1.5, topP: 0.95 })))
    const [one, again, other] = [await ask(1), await ask(1), await ask(2)]
    expect(again).toEqual(one)
    expect(other).not.toEqual(one)
  })
}
