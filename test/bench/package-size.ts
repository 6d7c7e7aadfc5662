import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bundleHandler } from '#functions/packaging/bundle-handler.ts'
import { listFunctionFolders, repositoryRoot } from '#functions/packaging/function-folder.ts'
import type { Measure, Row } from './harness/report.ts'

/** How much a deployment carries, and how much JavaScript a cold start evaluates. */
export const packageSize: Measure = async () => {
  const folders = listFunctionFolders()
  const scripts = folders.map(async ({ name, handlerFile }): Promise<Row> => {
    const { startBytes } = await bundleHandler(handlerFile)
    return { what: `${name}: JavaScript at start`, unit: 'KB', value: startBytes / 1e3 }
  })
  return {
    title: 'Packages',
    rows: [...zips(), ...(await Promise.all(scripts))],
    notes: ['Zips are those of the last `npm run package`, one a function and architecture.'],
  }
}

function zips(): Row[] {
  const dist = join(repositoryRoot, 'dist')
  const files = readdirSync(dist).filter((file) => file.endsWith('.zip'))
  return files.map((file) => ({
    what: file,
    unit: 'MB',
    value: statSync(join(dist, file)).size / 1e6,
    atMost: 25,
  }))
}
