import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'

const readme = join(import.meta.dirname, '../README.md')
const markers = /(<!-- models -->\n)[\s\S]*?(<!-- \/models -->)/

/** The models as a Markdown table, made from their manifests. */
export function modelsTable(directory = import.meta.dirname): string {
  const entries = createCatalog(readModels(directory, { parse: parseManifest })).list()
  const rows = entries.map(({ manifest: { name, task, description, artifact, licence } }) =>
    [
      `[${name}](models/${name}/README.md)`,
      task.name,
      description,
      `${Math.round(artifact.bytes / 1_000)} kB ${artifact.dtype}`,
      licence,
    ].join(' | '),
  )
  return [
    'model | task | what it does | artifact | licence',
    '---|---|---|---|---',
    ...rows,
    '',
  ].join('\n')
}

/** The README with the table as it should be now. */
export const currentReadme = (text = readFileSync(readme, 'utf8')): string =>
  text.replace(markers, `$1${modelsTable()}$2`)

if (import.meta.main) writeFileSync(readme, currentReadme())
