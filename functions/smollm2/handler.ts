import { streamOnLambda } from '#shared/endpoints/lambda-stream-host.ts'
import { lambdaWriterEndpoint } from '#shared/endpoints/lambda-writer-endpoint.ts'

export const handler = await streamOnLambda(lambdaWriterEndpoint('smollm2'))
