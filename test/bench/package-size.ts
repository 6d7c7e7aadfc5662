import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bundleHandler } from '#functions/packaging/bundle-handler.ts'
import { listFunctionFolders, repositoryRoot } from '#functions/packaging/function-folder.ts'
import { architectures } from '#functions/packaging/package-files.ts'
import type { Measure, Row } from './harness/report.ts'

/** How much a deployment carries, and how much JavaScript a cold start evaluates. */
export const packageSize: Measure = async () => {
  const folders = listFunctionFolders()
  const bundles = await Promise.all(folders.map(({ handlerFile }) => bundleHandler(handlerFile)))
  const startBytes = Math.max(...bundles.map((bundle) => bundle.startBytes))
  return {
    title: 'Packages',
    rows: [
      ...Object.keys(architectures).flatMap(largestZip),
      { what: 'most JavaScript at a start', unit: 'KB', value: startBytes / 1e3 },
    ],
    notes: ['Zips are those of the last `npm run package`.'],
  }
}

function largestZip(architecture: string): Row[] {
  const dist = join(repositoryRoot, 'dist')
  const files = existsSync(dist) ? readdirSync(dist) : []
  const zips = files.filter((file) => file.endsWith(`-${architecture}.zip`))
  if (zips.length === 0) return []
  const sizeBytes = Math.max(...zips.map((file) => statSync(join(dist, file)).size))
  const what = `largest of ${zips.length} zips, ${architecture}`
  return [{ what, unit: 'MB', value: sizeBytes / 1e6, atMost: 25 }]
}
