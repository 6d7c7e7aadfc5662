import { batchEndpoint } from '#shared/endpoints/batch-endpoint.ts'
import { lambdaBatch } from '#shared/endpoints/lambda-batch.ts'
import { onLambda } from '#shared/endpoints/lambda-host.ts'

export const handler = await onLambda(batchEndpoint(await lambdaBatch()))
