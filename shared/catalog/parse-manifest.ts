import { z } from 'zod'
import { ServiceError } from '#shared/errors/service-error.ts'
import { type Manifest, manifestSchema } from './manifest.ts'

/** A manifest, checked against its schema. @throws ServiceError `configuration_invalid` */
export function parseManifest(value: unknown, file: string): Manifest {
  const parsed = manifestSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ServiceError('configuration_invalid', {
    detail: `${file} is not a valid manifest:\n${z.prettifyError(parsed.error)}`,
  })
}
