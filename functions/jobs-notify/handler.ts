import { onWebhookMessages } from '#shared/endpoints/webhook-messages.ts'

export const handler = onWebhookMessages()
