import { catalogEndpoint } from '#shared/endpoints/catalog-endpoint.ts'
import { onLambda } from '#shared/endpoints/lambda-host.ts'

export const handler = await onLambda(catalogEndpoint())
