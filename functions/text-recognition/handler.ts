import { onLambda } from '#shared/endpoints/lambda-host.ts'
import { modelEndpoint } from '#shared/endpoints/model-endpoint.ts'

export const handler = await onLambda(modelEndpoint('text-recognition'))
