import type { AwsCredentials } from '#shared/aws/credentials.ts'
import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

/** Region and credentials, which Lambda puts into every function's environment. */
export function awsSettings(environment: Environment): {
  region: string
  credentials: AwsCredentials
} {
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment
  if (!AWS_REGION || !AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new ServiceError('configuration_invalid', {
      detail: 'AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set to use AWS.',
    })
  }
  return {
    region: AWS_REGION,
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      sessionToken: AWS_SESSION_TOKEN,
    },
  }
}

/** The same for drivers, which ask for the credentials at each request. */
export function awsPlace(environment: Environment) {
  const { region, credentials } = awsSettings(environment)
  return { region, credentials: () => credentials }
}
