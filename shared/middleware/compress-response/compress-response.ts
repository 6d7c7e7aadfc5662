import { deflate, gzip } from 'node:zlib'
import type { Step, StepRequest } from '../step.ts'

const encoders = { gzip, deflate }

/** Compresses an answer where the caller asks for it (RFC 9110, 12.5.3) and it is worth it. */
export function compressResponse({
  thresholdBytes = 1_024,
}: {
  thresholdBytes?: number
} = {}): Step {
  const compress = async (request: StepRequest): Promise<void> => {
    const { response, event } = request
    if (!response || response.body.length < thresholdBytes) return
    const accepted = event.request.headers['accept-encoding']?.toLowerCase() ?? ''
    const encoding = (['gzip', 'deflate'] as const).find((name) => accepts(accepted, name))
    if (!encoding) return
    request.response = {
      status: response.status,
      headers: { ...response.headers, 'content-encoding': encoding, vary: 'Accept-Encoding' },
      body: await encode(encoding, response.body),
    }
  }
  return { after: compress, onError: compress }
}

/** Without `promisify`: importing `node:util` costs a cold start more than it saves here. */
function encode(encoding: keyof typeof encoders, body: string | Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    encoders[encoding](body, (error, encoded) => (error ? reject(error) : resolve(encoded)))
  })
}

/** A coding that is named counts as it says; `*` speaks for those that are not. */
function accepts(header: string, name: string): boolean {
  const items = header.split(',').map((item) => item.split(';').map((part) => part.trim()))
  const chosen =
    items.find(([coding]) => coding === name) ?? items.find(([coding]) => coding === '*')
  return chosen !== undefined && !chosen.some((part) => /^q=0(\.0*)?$/.test(part))
}
