import { ServiceError } from '#shared/errors/service-error.ts'

/** The code with which something is refused; anything but a ServiceError fails the test. */
export async function refusal(act: () => unknown): Promise<string> {
  try {
    await act()
  } catch (thrown) {
    if (thrown instanceof ServiceError) return thrown.code
    throw thrown
  }
  return 'not refused'
}
