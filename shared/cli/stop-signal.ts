/** What follows the first signal within this time is its echo: npm passes on what the terminal sent. */
const echoMs = 300

/** Resolves at the first SIGINT or SIGTERM. A second one, sent in impatience, ends the process. */
export function stopSignal(now: () => number = Date.now): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined
    const onSignal = (): void => {
      firstAt ??= now()
      resolve()
      if (now() - firstAt > echoMs) process.exit(1)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}
