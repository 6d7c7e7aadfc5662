import { ServiceError } from '#shared/errors/service-error.ts'

/** @throws ServiceError `out_of_memory`, before anything is read or sent */
export function allocateBytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(sizeBytes)
  } catch (cause) {
    throw new ServiceError('out_of_memory', {
      detail: `There is no room for the ${sizeBytes} bytes of the model's file.`,
      cause,
    })
  }
}
