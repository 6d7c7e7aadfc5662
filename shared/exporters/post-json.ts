import { neverSent } from './never-sent.ts'

export interface PostedJson {
  /** 0 where no answer came: then `reached` says whether the server may have got it. */
  readonly status: number
  readonly text: string
  readonly reached: boolean
  /** What went wrong on the way. */
  readonly reason: string
  readonly retryAfterMs: number | undefined
}

/** Sends a body once, and tells apart what certainly never arrived from what perhaps did. */
export async function postJson(
  url: string,
  request: { headers: Record<string, string>; body: string; timeoutMs: number },
): Promise<PostedJson> {
  const { headers, body, timeoutMs } = request
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    // A redirect would change what was signed.
    const options = { method: 'POST', headers, body, signal, redirect: 'manual' } as const
    const response = await fetch(url, options)
    const text = await response.text()
    const reason = `${response.status} ${text.slice(0, 200)}`.trim()
    return {
      status: response.status,
      text,
      reached: true,
      reason,
      retryAfterMs: retryAfter(response),
    }
  } catch (error) {
    const reached = !neverSent(error)
    const reason = reached ? 'No answer came.' : 'The server cannot be reached.'
    return { status: 0, text: '', reached, reason, retryAfterMs: undefined }
  }
}

const longestRetryAfterMs = 60 * 60_000

/** Of the two forms only the seconds: the date depends on two clocks. */
function retryAfter({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return seconds >= 0 ? Math.min(seconds * 1_000, longestRetryAfterMs) : undefined
}
