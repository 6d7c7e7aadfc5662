import { basename } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ModelEntry } from './model-entry.ts'

/** Which models exist. */
export interface Catalog {
  /** The default version of every model, by name. */
  list(): readonly ModelEntry[]
  /** All versions of a model, oldest first. @throws ServiceError `model_not_found` */
  versions(name: string): readonly ModelEntry[]
  /**
   * One version of a model. `version` is a number, an alias or `latest`; without it, the default:
   * the version whose folder carries the bare name of the model.
   * @throws ServiceError `model_not_found`, `version_not_found`
   */
  find(name: string, version?: string): ModelEntry
}

export function createCatalog(entries: readonly ModelEntry[]): Catalog {
  const models = new Map<string, ModelEntry[]>()
  for (const entry of entries) {
    models.set(entry.manifest.name, [...(models.get(entry.manifest.name) ?? []), entry])
  }
  for (const [name, versions] of models) {
    versions.sort((a, b) => Number(a.manifest.version) - Number(b.manifest.version))
    refuseAmbiguity(name, versions)
  }

  const versionsOf = (name: string): readonly ModelEntry[] => {
    const versions = models.get(name)
    if (versions) return versions
    throw new ServiceError('model_not_found', { detail: `There is no model "${printable(name)}".` })
  }

  return {
    list: () => [...models.keys()].sort().map((name) => defaultOf(models.get(name) ?? [])),
    versions: versionsOf,
    find(name, version) {
      const versions = versionsOf(name)
      if (version === undefined) return defaultOf(versions)
      const found =
        version === 'latest'
          ? versions.at(-1)
          : versions.find(
              ({ manifest }) => manifest.version === version || manifest.aliases.includes(version),
            )
      if (found) return found
      throw new ServiceError('version_not_found', {
        detail: `${name} has no version or alias "${printable(version)}".`,
        model: name,
      })
    },
  }
}

/** The version in the folder without `@`; where every folder carries one, the latest. */
function defaultOf(versions: readonly ModelEntry[]): ModelEntry {
  return (versions.find(({ folder }) => !basename(folder).includes('@')) ??
    versions.at(-1)) as ModelEntry
}

function refuseAmbiguity(name: string, versions: readonly ModelEntry[]): void {
  const labels = versions.flatMap(({ manifest }) => [manifest.version, ...manifest.aliases])
  const names = ['latest', ...labels]
  const twice = names.find((label, index) => names.indexOf(label) !== index)
  if (twice === undefined) return
  throw new ServiceError('configuration_invalid', {
    detail: `${name}@${twice} has two meanings; a version or alias must be unique.`,
  })
}

/** A caller's word, safe to repeat: short and without control characters. */
const printable = (word: string) => word.replace(/[^\x20-\x7e]/g, '?').slice(0, 64)
