/**
 * Runs items together, and where that fails, each half by itself, down to the single item whose
 * failure it is. One such item among n costs at most 2 · log2(n) extra runs, rounded up.
 *
 * @param fail what the single item gives instead, whose own run threw this
 * @returns one result an item, in their order
 */
export async function bisect<Item, Result>(
  items: readonly Item[],
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  fail: (item: Item, thrown: unknown) => Result,
): Promise<readonly Result[]> {
  const [first, ...others] = items
  if (first === undefined) return []
  try {
    return await run(items)
  } catch (thrown) {
    // What is said of an item depends on no other: it stems from a run of its own.
    if (others.length === 0) return [fail(first, thrown)]
  }
  const middle = Math.ceil(items.length / 2)
  return [
    ...(await bisect(items.slice(0, middle), run, fail)),
    ...(await bisect(items.slice(middle), run, fail)),
  ]
}
