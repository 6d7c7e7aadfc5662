import { Agent, request } from 'node:http'

export interface HttpCallOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** A client that keeps one connection. @throws Error where the answer is not 200 */
export function httpClient(base: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return (path: string, { method = 'GET', headers = {}, body }: HttpCallOptions = {}) =>
    new Promise<string>((resolve, reject) => {
      const length = body ? { 'content-length': String(body.length) } : {}
      const options = { method, agent, headers: { ...headers, ...length } }
      request(new URL(path, base), options, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () =>
          response.statusCode === 200 ? resolve(text) : reject(new Error(text)),
        )
      })
        .on('error', reject)
        .end(body)
    })
}
