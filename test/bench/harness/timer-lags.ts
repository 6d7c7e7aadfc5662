/** Watches a timer of 1 ms. @returns what ends it and gives by how many ms each tick was late */
export function timerLags(): () => number[] {
  const lags: number[] = []
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    lags.push(Math.max(0, now - last - 1))
    last = now
  }, 1)
  return () => {
    clearInterval(timer)
    return lags
  }
}
