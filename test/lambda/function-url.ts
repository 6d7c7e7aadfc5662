import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { httpApiEvent } from './http-api.ts'
import type { LambdaFunction } from './lambda-function.ts'

export interface FunctionUrl {
  readonly url: string
  stop(): Promise<void>
}

/**
 * The URL of a function with the invoke mode RESPONSE_STREAM: a call becomes an event, the prelude
 * of what is streamed the head of the answer, and the rest goes out as it comes.
 */
export async function startFunctionUrl(lambda: LambdaFunction): Promise<FunctionUrl> {
  const server = createServer((request, response) => {
    answer(lambda, request, response).catch((error: Error) => response.destroy(error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(
  lambda: LambdaFunction,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
  const call = {
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: request.headers as Record<string, string>,
    ...(body.length > 0 && { body }),
  }
  const { stream, failure } = await lambda.invoke(httpApiEvent(call, '$default'))
  if (!stream) throw new Error(failure?.errorMessage ?? 'nothing was streamed')
  const { statusCode = 200, headers = {} } = stream.prelude ?? {}
  response.writeHead(statusCode, headers)
  await pipeline(stream.body, response)
}
