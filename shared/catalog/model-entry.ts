import type { Manifest } from './manifest.ts'

/** What `sample.json` holds: the body of one real plain call. */
export interface Sample {
  readonly inputs: unknown
  readonly parameters?: Readonly<Record<string, unknown>>
}

/** What `expected.json` holds: the answer to the sample, and how near to it is near enough. */
export interface Expected {
  readonly outputs: unknown
  readonly metric: 'max-absolute-difference'
  readonly tolerance: number
}

/** One version of one model, as its folder describes it. */
export interface ModelEntry {
  readonly manifest: Manifest
  readonly labels: readonly string[]
  /** Further JSON files that `task.options.files` names, parsed, by file name. */
  readonly files: Readonly<Record<string, unknown>>
  readonly sample: Sample
  readonly expected: Expected
  /** The folder, where a committed artifact lies too. */
  readonly folder: string
}
