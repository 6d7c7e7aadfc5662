import type { ObjectStore } from '#shared/batch/object-store.ts'
import type { Environment } from '#shared/config/environment.ts'
import { awsPlace } from './aws-settings.ts'
import { storeName } from './store-location.ts'

/** The object store of batches and jobs. */
export async function openObjects(environment: Environment): Promise<ObjectStore> {
  const { PERCALL_BATCH: location = `${environment.PERCALL_HOME}/batch` } = environment
  const bucket = storeName('PERCALL_BATCH', location, 's3://')
  if (bucket === undefined) {
    const { createDirectoryObjectStore } = await import(
      '#shared/batch/stores/directory-object-store.ts'
    )
    return createDirectoryObjectStore({ directory: location })
  }
  const { createS3ObjectStore } = await import('#shared/batch/stores/s3-object-store.ts')
  return createS3ObjectStore({
    bucket: bucket.replace(/\/$/, ''),
    ...awsPlace(environment),
    endpoint: environment.AWS_ENDPOINT_URL_S3,
  })
}
