import { jobEndpoint } from '#shared/endpoints/job-endpoint.ts'
import { onLambda } from '#shared/endpoints/lambda-host.ts'
import { lambdaServices } from '#shared/endpoints/lambda-services.ts'

export const handler = await onLambda(jobEndpoint(lambdaServices()))
