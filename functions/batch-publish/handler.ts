import { onPublishMessages } from '#shared/endpoints/publish-messages.ts'

export const handler = onPublishMessages()
