import { heavyEndpoint } from '#shared/endpoints/heavy-endpoint.ts'
import { onLambda } from '#shared/endpoints/lambda-host.ts'

export const handler = await onLambda(heavyEndpoint())
