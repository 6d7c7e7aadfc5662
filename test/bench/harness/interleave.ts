type Variants<Samples> = { readonly [Name in keyof Samples]: () => Promise<Samples[Name]> }

/**
 * Takes samples of all variants in turn, so that a busy spell of the machine falls on all of them,
 * each round in another order. The first round warms disk and page cache and does not count.
 */
export async function interleave<Samples extends object>(
  variants: Variants<Samples>,
  rounds: number,
): Promise<{ [Name in keyof Samples]: Samples[Name][] }> {
  const names = Object.keys(variants) as (keyof Samples)[]
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as {
    [Name in keyof Samples]: Samples[Name][]
  }
  for (let round = 0; round <= rounds; round += 1) {
    const first = round % names.length
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const sample = await variants[name]()
      if (round > 0) samples[name].push(sample)
    }
  }
  return samples
}
