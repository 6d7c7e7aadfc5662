import { onLightJobs } from '#shared/endpoints/light-jobs.ts'

export const handler = onLightJobs()
