import type { Command } from 'commander'
import type { Catalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { formatBytes } from './format-bytes.ts'
import { outColors, print, printJson } from './terminal.ts'

/** `percall models show`: what one model takes and gives. */
export function modelsShowCommand(models: Command): void {
  const command = models
    .command('show')
    .description('show what a model takes, gives and weighs')
    .argument('<model>', 'its name; with a version or alias as in iris@1')
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall models show iris
  $ percall models show iris --json       the same as GET /v1/models/iris`,
    )
    .action(async (model: string, options: PlaceOptions & { json?: boolean }) => {
      const { findModel, readCatalog } = await import('./read-catalog.ts')
      const { encodeModel } = await import('#shared/protocols/model-list.ts')
      const catalog = readCatalog(commandEnvironment(options))
      const entry = findModel(catalog, model)
      if (options.json) printJson(encodeModel(entry, catalog.versions(entry.manifest.name)))
      else print(modelText(entry, catalog))
    })
}

function modelText({ manifest, labels, sample }: ModelEntry, catalog: Catalog): string {
  const { bold, dim } = outColors
  const { name, artifact, limits } = manifest
  const versions = catalog
    .versions(name)
    .map(({ manifest: { version, aliases } }) => [version, ...aliases].join(' = '))
  const tensors = (infos: typeof manifest.inputs) =>
    infos.map((info) => `${info.name} ${info.datatype} [${info.shape.join(', ')}]`).join('; ')
  const facts = {
    task: manifest.task.name,
    ...(manifest.heavy && {
      heavy: 'calls are put off while no instance is warm: they become jobs',
    }),
    versions: versions.join(', '),
    inputs: tensors(manifest.inputs),
    outputs: tensors(manifest.outputs),
    labels: labels.length > 0 ? `${labels.length}: ${shorten(labels.join(', '))}` : 'none',
    limits: `${limits.rows} inputs a call, ${limits.timeoutMs / 1_000} s`,
    file: `${artifact.key}, ${formatBytes(artifact.bytes)}, ${artifact.dtype}`,
    sha256: artifact.sha256,
    licence: manifest.licence,
    price: manifest.price,
    sample: shorten(JSON.stringify(sample)),
  }
  const lines = Object.entries(facts).map(([fact, value]) => `${dim(fact.padEnd(8))}  ${value}`)
  return [
    `${bold(`${name}@${manifest.version}`)}  ${manifest.description}`,
    '',
    ...lines,
    '',
    `Try it: percall predict ${name} --sample`,
  ].join('\n')
}

const shorten = (text: string) => (text.length > 72 ? `${text.slice(0, 71)}…` : text)
