/** One text, greedy: what the two of a side by side are asked. */
export interface WriteTask {
  readonly prompt: readonly number[]
  readonly count: number
  readonly threads: number
}

export interface Written {
  readonly tokensPerSecond: number
  /** Of all threads of the process: what a busy machine moves less. */
  readonly tokensPerCpuSecond: number
  readonly tokens: readonly number[]
}

/** Writes the text twice, the first time to be warm. @returns the rate from the first token on */
export async function writeRate(
  write: (onToken: (token: number) => void) => Promise<void>,
): Promise<Written> {
  await write(() => undefined)
  const tokens: number[] = []
  let start = 0
  let before = process.cpuUsage()
  await write((token) => {
    if (tokens.length === 0) {
      start = performance.now()
      before = process.cpuUsage()
    }
    tokens.push(token)
  })
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(before)
  const after = tokens.length - 1
  return {
    tokensPerSecond: after / seconds,
    tokensPerCpuSecond: after / ((user + system) / 1e6),
    tokens,
  }
}
