import { join, resolve } from 'node:path'

/** Where the benchmark puts what it makes; git does not see it. */
const root = resolve(import.meta.dirname, '../../../.cache/bench')

export const cacheFolder = (...names: string[]): string => join(root, ...names)
