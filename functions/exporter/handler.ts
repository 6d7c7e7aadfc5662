import { exportOnSchedule } from '#shared/endpoints/exporter.ts'

export const handler = exportOnSchedule()
