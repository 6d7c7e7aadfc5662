/**
 * Does something at once and then every `everyMs`, one after the other. Returns what stops it and
 * waits for the one that is under way: the stores it uses are closed behind it.
 *
 * @param work never rejects: it says itself what failed
 */
export function repeatedly(work: () => Promise<void>, everyMs: number): () => Promise<void> {
  let underWay = work()
  const timer = setInterval(() => {
    underWay = underWay.then(work)
  }, everyMs).unref()
  return () => {
    clearInterval(timer)
    return underWay
  }
}
