import { accountEndpoint } from '#shared/endpoints/account-endpoint.ts'
import { onLambda } from '#shared/endpoints/lambda-host.ts'

export const handler = await onLambda(accountEndpoint())
