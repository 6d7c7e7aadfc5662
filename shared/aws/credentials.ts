/** What proves who is asking. Temporary ones, as Lambda always has them, carry a session token. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}
