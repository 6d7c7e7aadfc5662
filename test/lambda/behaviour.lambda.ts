import { afterAll } from 'vitest'
import { behaviour } from '#test/hosts/behaviour.ts'
import { startLambdaHost } from '#test/hosts/lambda-host.ts'
import type { StartHost } from '#test/hosts/running-host.ts'
import { startLocalAws } from '#test/servers/local-aws.ts'

const aws = await startLocalAws()
afterAll(() => aws.stop())

const start: StartHost = async ({ jwtIssuer, unpublished }) => {
  const { environment, ...stores } = await aws.deploy({ unpublished })
  const host = startLambdaHost({
    ...environment,
    PERCALL_LOG: 'silent',
    PERCALL_JWT_ISSUER: jwtIssuer,
    PERCALL_JWT_AUDIENCE: 'percall',
  })
  return { ...stores, ...host }
}

behaviour('Lambda', start)
