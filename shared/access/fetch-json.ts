export interface FetchJsonOptions {
  readonly timeoutMs: number
  readonly maxBytes: number
}

/**
 * The JSON at a URL, within a time and a size. Redirects are refused: what may be fetched is decided
 * before the call, not by who answers it.
 *
 * @throws Error of any kind; whoever calls says what it means
 */
export async function fetchJson(url: URL, options: FetchJsonOptions): Promise<unknown> {
  const { timeoutMs, maxBytes } = options
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${url} answered ${response.status}.`)
  }
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body ?? []) {
    // Counted as it arrives: Content-Length may be absent or wrong.
    sizeBytes += chunk.byteLength
    if (sizeBytes > maxBytes) throw new Error(`${url} sent more than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}
