import type { AwsCredentials } from './credentials.ts'

/** Where a service of AWS is, and as whom to call it. */
export interface AwsPlace {
  readonly region: string
  readonly credentials: () => AwsCredentials | Promise<AwsCredentials>
  /** Of a server other than AWS's, e.g. `http://127.0.0.1:9000`. */
  readonly endpoint?: string | undefined
}

/** What every client of the AWS SDK is made of. */
export const sdkSettings = ({ region, credentials, endpoint }: AwsPlace) => ({
  region,
  async credentials() {
    const { sessionToken, ...keys } = await credentials()
    return sessionToken === undefined ? keys : { ...keys, sessionToken }
  },
  ...(endpoint !== undefined && { endpoint }),
  // The only layer of retries: of throttling, of errors of the server and of the network.
  maxAttempts: 5,
  // The longest poll of a queue takes 20 s.
  requestHandler: { connectionTimeout: 3_000, socketTimeout: 30_000 },
})
