import { onScoreMessages } from '#shared/endpoints/score-messages.ts'

export const handler = onScoreMessages()
