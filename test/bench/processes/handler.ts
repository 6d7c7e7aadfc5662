import { onLambda } from '#shared/endpoints/lambda-host.ts'
import { modelEndpoint } from '#shared/endpoints/model-endpoint.ts'

// As in functions/<name>/handler.ts, for the model that the benchmark makes.
export const handler = await onLambda(modelEndpoint('transformer'))
