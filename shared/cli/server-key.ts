import type { Environment } from '#shared/config/environment.ts'
import { readDevelopmentKey } from './development-key.ts'

/**
 * The key with which a command calls a server: the one that was named, else this machine's developer's,
 * which is shown to servers of this machine only.
 */
export function serverKey(
  { url, key }: { readonly url: string; readonly key?: string | undefined },
  environment: Environment,
): string | undefined {
  const named = key ?? environment.PERCALL_API_KEY
  const isHere = /^https?:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])([:/]|$)/i.test(url)
  return named ?? (isHere ? readDevelopmentKey(environment) : undefined)
}
