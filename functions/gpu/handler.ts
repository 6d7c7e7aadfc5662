import { onContainerEvents } from '#shared/endpoints/container-events.ts'

export const handler = await onContainerEvents()
