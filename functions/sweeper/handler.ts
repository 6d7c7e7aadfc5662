import { onSchedule } from '#shared/endpoints/sweeper.ts'

export const handler = onSchedule()
