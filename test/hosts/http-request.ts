import { request } from 'node:http'
import type { HttpAnswer, HttpCall } from '#test/lambda/http-api.ts'

/** A call over a real socket, the answer as it came: nothing is decoded or followed. */
export function httpRequest(
  url: string,
  { method, path, headers = {}, body }: HttpCall,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : Buffer.from(body as string)
    const outgoing = request(`${url}${path}`, {
      method,
      headers: { ...headers, ...(bytes && { 'content-length': bytes.length }) },
    })
    outgoing.once('error', reject)
    outgoing.once('response', async (answer) => {
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk as Buffer)
      resolve({
        status: answer.statusCode ?? 0,
        headers: answer.headers as Record<string, string>,
        body: Buffer.concat(chunks),
      })
    })
    outgoing.end(bytes)
  })
}
