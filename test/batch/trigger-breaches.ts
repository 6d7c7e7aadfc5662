/** What is read of the bucket in `resources.yml`. */
export interface NotifyingBucket {
  readonly NotificationConfiguration?: Readonly<Record<string, readonly Notification[]>>
}

interface Notification {
  readonly Filter?: {
    readonly S3Key?: {
      readonly Rules?: readonly { readonly Name: string; readonly Value: string }[]
    }
  }
}

/**
 * What is wrong with the triggers of a bucket, a sentence each: an event without a prefix, rules that
 * overlap, and keys that the service itself writes under a trigger, so that jobs would order jobs for ever.
 */
export function triggerBreaches(
  { NotificationConfiguration = {} }: NotifyingBucket,
  writtenKeys: readonly string[],
): string[] {
  const prefixes = Object.values(NotificationConfiguration)
    .flat()
    .map(({ Filter }) => {
      const rules = Filter?.S3Key?.Rules ?? []
      return rules.find(({ Name }) => Name.toLowerCase() === 'prefix')?.Value ?? ''
    })
  return [
    ...prefixes
      .filter((prefix) => !/[^/]\/$/.test(prefix))
      .map((prefix) => `"${prefix}" is no folder`),
    ...prefixes.flatMap((prefix, index) =>
      prefixes
        .slice(index + 1)
        .filter((other) => other.startsWith(prefix) || prefix.startsWith(other))
        .map((other) => `"${prefix}" and "${other}" overlap`),
    ),
    ...prefixes.flatMap((prefix) =>
      writtenKeys
        .filter((key) => key.startsWith(prefix))
        .map((key) => `"${key}" lies under the trigger "${prefix}"`),
    ),
  ]
}
