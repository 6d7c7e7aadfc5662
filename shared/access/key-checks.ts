import { ServiceError } from '#shared/errors/service-error.ts'
import type { CallLimits } from '#shared/metering/ledger.ts'
import { addressRanges } from './address-ranges.ts'
import type { KeyMode } from './api-key.ts'
import type { KeyChanges } from './key-store.ts'

export interface NewKey {
  readonly name: string
  readonly scopes: readonly string[]
  readonly mode: KeyMode
  /** Without it the key is good until it is revoked. */
  readonly expiresInDays?: number | undefined
  readonly project?: string | undefined
  readonly limits?: CallLimits | undefined
  /** The models that it may call; absent means all. */
  readonly models?: readonly string[] | undefined
  /** The addresses that it may be used from, as CIDR ranges; absent means all. */
  readonly allowedIps?: readonly string[] | undefined
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u
const projectPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/
const modelPattern = /^[a-z0-9][a-z0-9-]{0,62}$/
const longestLifeDays = 3_650
const longestOverlapSeconds = 30 * 24 * 60 * 60

/** What may be asked of a key. Each throws ServiceError `parameter_invalid`. */
export const keyChecks = {
  newKey(wanted: NewKey): NewKey {
    const { name, mode, expiresInDays, project } = wanted
    if (!namePattern.test(name)) {
      refuse(
        'A name has 1 to 64 letters, digits, spaces and ". _ @ -", and starts with a letter or digit.',
      )
    }
    if (mode !== 'live' && mode !== 'test') refuse('The mode is "live" or "test".')
    const days = expiresInDays ?? 1
    if (!Number.isInteger(days) || days < 1 || days > longestLifeDays) {
      refuse(`A key expires in 1 to ${longestLifeDays} whole days.`)
    }
    if (project !== undefined && !projectPattern.test(project)) {
      refuse('A project has 1 to 63 lower-case letters, digits and ". _ -".')
    }
    this.changes(wanted)
    return wanted
  },

  changes({ models, allowedIps }: Pick<KeyChanges, 'models' | 'allowedIps'>): void {
    if (models && !isListOfModels(models)) {
      refuse('The models of a key are 1 to 100 names of models, without versions.')
    }
    if (allowedIps) addressRanges.check(allowedIps)
  },

  overlap(overlapSeconds: number): void {
    const good = Number.isInteger(overlapSeconds) && overlapSeconds >= 0
    if (!good || overlapSeconds > longestOverlapSeconds) {
      refuse(`The overlap is 0 to ${longestOverlapSeconds} whole seconds.`)
    }
  },
}

const isListOfModels = (names: readonly string[]) =>
  names.length > 0 && names.length <= 100 && names.every((name) => modelPattern.test(name))

function refuse(detail: string): never {
  throw new ServiceError('parameter_invalid', { detail })
}
