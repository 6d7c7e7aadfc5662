import { installRealS3Server } from './install-real-s3-server.ts'

/** Before all tests. What cannot be had is told by the tests that need it. */
export async function setup(): Promise<void> {
  await installRealS3Server().catch(() => undefined)
}
