import { pipeline } from 'node:stream/promises'
import type { APIGatewayProxyEventV2, StreamifyHandler } from 'aws-lambda'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { toRequest, warmUp } from './lambda-host.ts'

/**
 * An endpoint as a Lambda handler whose answers leave while they are made: behind a function URL of
 * the invoke mode RESPONSE_STREAM, or an API Gateway that streams. Status and headers go first, as a
 * prelude. Lambda does not tell when the caller goes away, so what nobody reads is written to its end.
 * https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
 */
export async function streamOnLambda(
  endpoint: Endpoint,
): Promise<StreamifyHandler<APIGatewayProxyEventV2, void>> {
  await warmUp(endpoint)
  return awslambda.streamifyResponse((event: APIGatewayProxyEventV2, responseStream) =>
    streamAnswer(endpoint, event, responseStream),
  )
}

/** Answers one event of HTTP as a stream. */
export async function streamAnswer(
  endpoint: Endpoint,
  event: APIGatewayProxyEventV2,
  responseStream: awslambda.HttpResponseStream,
): Promise<void> {
  const { status, headers, body, stream } = await endpoint(toRequest(event, endpoint))
  const prelude = { statusCode: status, headers }
  const outgoing = awslambda.HttpResponseStream.from(responseStream, prelude)
  // The prelude leaves with the first write, and that must not wait for the first piece.
  outgoing.write(body)
  await pipeline(stream ?? [], outgoing)
}
