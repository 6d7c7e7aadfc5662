import { onPlanMessages } from '#shared/endpoints/plan-messages.ts'

export const handler = onPlanMessages()
