import * as z from 'zod/mini'

const notification = z.object({
  Records: z.array(
    z.object({ eventName: z.string(), s3: z.object({ object: z.object({ key: z.string() }) }) }),
  ),
})
/** Sent once, when notifications are configured. */
const trial = z.object({ Event: z.literal('s3:TestEvent') })

/**
 * The keys of the objects that an event notification of S3 says were created; `undefined` for any
 * other message. Which version it means does not matter: the newest is what counts.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function readStorageEvent(body: string): readonly string[] | undefined {
  const message: unknown = JSON.parse(body)
  if (trial.safeParse(message).success) return []
  const { data } = notification.safeParse(message)
  return data?.Records.filter(({ eventName }) => eventName.startsWith('ObjectCreated:')).map(
    ({ s3 }) => decodeKey(s3.object.key),
  )
}

/** As a form encodes it: a space is a plus. */
const decodeKey = (key: string): string => decodeURIComponent(key.replaceAll('+', ' '))
