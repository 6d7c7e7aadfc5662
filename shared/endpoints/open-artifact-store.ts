import type { ArtifactStore } from '#shared/artifacts/artifact-store.ts'
import type { Environment } from '#shared/config/environment.ts'
import { awsSettings } from './aws-settings.ts'
import { storeName } from './store-location.ts'

/** The store that `PERCALL_ARTIFACTS` names. Drivers are imported here, each only where it is used. */
export async function openArtifactStore(environment: Environment): Promise<ArtifactStore> {
  const { PERCALL_ARTIFACTS: location = `${environment.PERCALL_HOME}/artifacts` } = environment
  const place = storeName('PERCALL_ARTIFACTS', location, 's3://')
  if (place === undefined) {
    const { directoryArtifactStore } = await import('#shared/artifacts/directory-artifact-store.ts')
    return directoryArtifactStore({ directory: location })
  }
  const [bucket = '', ...folders] = place.split('/')
  const { s3ArtifactStore } = await import('#shared/artifacts/s3-artifact-store.ts')
  const { region, credentials } = awsSettings(environment)
  return s3ArtifactStore({
    bucket,
    prefix: folders.join('/'),
    region,
    credentials,
    endpoint: environment.AWS_ENDPOINT_URL_S3,
  })
}
