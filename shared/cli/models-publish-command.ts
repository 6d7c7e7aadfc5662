import { basename, dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { formatBytes } from './format-bytes.ts'
import { outColors, print, printJson } from './terminal.ts'

interface PublishOptions extends PlaceOptions {
  readonly all?: boolean
  readonly file?: string
  readonly json?: boolean
}

/** `percall models publish`: model files into the artifact store. */
export function modelsPublishCommand(models: Command): void {
  const command = models
    .command('publish')
    .description('put model files into the store that PERCALL_ARTIFACTS names')
    .argument('[model...]', 'their names')
    .option('--all', 'every version of every model')
    .option('--file <path>', 'the file of the one model, where it does not lie in its folder')
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall models publish iris
  $ percall models publish smollm2 --file .cache/smollm2/smollm2.int8.onnx
  $ PERCALL_ARTIFACTS=s3://my-bucket/models percall models publish --all

Each file must have the digest of its manifest. What the store holds already is read back: it is
left alone where it is right, and replaced where it is damaged. With --all, a model whose file its
recipe has yet to make is left out.`,
    )
    .action((names: string[], options: PublishOptions) => {
      if ((options.all ?? false) === names.length > 0) {
        command.error('error: give either the names of models or --all')
      }
      if (options.file !== undefined && names.length !== 1) {
        command.error('error: --file belongs to one model')
      }
      return publish(names, options)
    })
}

/** With a file that lies elsewhere than its folder. */
function withFile(entry: ModelEntry, file: string | undefined) {
  if (file === undefined) return entry
  const artifact = { ...entry.manifest.artifact, file: basename(file) }
  return { ...entry, manifest: { ...entry.manifest, artifact }, folder: dirname(resolve(file)) }
}

async function publish(names: string[], options: PublishOptions): Promise<void> {
  const [{ openArtifactStore }, { findModel, readCatalog }, { publishModel }, { progressLine }] =
    await Promise.all([
      import('#shared/endpoints/open-artifact-store.ts'),
      import('./read-catalog.ts'),
      import('#shared/endpoints/publish-model.ts'),
      import('./progress-line.ts'),
    ])
  const environment = commandEnvironment(options)
  const catalog = readCatalog(environment)
  const entries: readonly ModelEntry[] = options.all
    ? catalog.list().flatMap(({ manifest }) => catalog.versions(manifest.name))
    : names.map((name) => withFile(findModel(catalog, name), options.file))
  const store = await openArtifactStore(environment)
  const line = progressLine()
  const results: object[] = []
  try {
    for (const [at, { manifest, folder }] of entries.entries()) {
      const { key, bytes, file, source } = manifest.artifact
      line.update(`publishing ${at + 1} of ${entries.length}, ${manifest.name}`, 0, bytes)
      const outcome = await publishModel(store, { manifest, folder }, ({ receivedBytes }) =>
        line.update(`comparing ${manifest.name}`, receivedBytes, bytes),
      ).catch((thrown: unknown) => {
        const isYetToBeMade =
          file === undefined && ServiceError.from(thrown).code === 'artifact_not_found'
        if (options.all && isYetToBeMade) return `left out; it comes from ${source}`
        throw thrown
      })
      line.clear()
      results.push({ model: manifest.name, version: manifest.version, key, bytes, outcome })
      const isStored = outcome === 'published' || outcome === 'repaired'
      const mark = isStored ? outColors.green('✔') : outColors.dim('=')
      if (!options.json) print(`${mark} ${key}  ${formatBytes(bytes)}  ${outcome}`)
    }
  } finally {
    line.clear()
  }
  if (options.json) printJson({ store: store.location, published: results })
  else print(outColors.dim(`in ${store.location}`))
}
