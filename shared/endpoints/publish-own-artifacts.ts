import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { Environment } from '#shared/config/environment.ts'
import { openArtifactStore } from './open-artifact-store.ts'
import { publishModel } from './publish-model.ts'

export interface OwnArtifacts {
  /** The models whose files had to be stored. */
  readonly published: readonly ModelEntry[]
  /** What kept the files of others from being stored; those models cannot be called. */
  readonly failures: readonly unknown[]
}

/**
 * Puts committed model files into this machine's own store, so that nobody need publish by hand.
 * One that was made anew, with another digest, takes the place of the old.
 * A store that `PERCALL_ARTIFACTS` names belongs to others too, and is left as it is.
 */
export async function publishOwnArtifacts(
  environment: Environment,
  entries: readonly ModelEntry[],
): Promise<OwnArtifacts> {
  const published: ModelEntry[] = []
  const failures: unknown[] = []
  if (environment.PERCALL_ARTIFACTS !== undefined) return { published, failures }
  // The store itself: reading back through the cache would fill it, and see no damage behind it.
  const store = await openArtifactStore(environment)
  for (const entry of entries) {
    if (entry.manifest.artifact.file === undefined) continue
    try {
      const outcome = await publishModel(store, entry)
      if (outcome !== 'already there') published.push(entry)
    } catch (failure) {
      failures.push(failure)
    }
  }
  return { published, failures }
}
