import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Manifest } from './manifest.ts'
import type { ModelEntry } from './model-entry.ts'

export interface ReadModelsOptions {
  /** Checks a manifest; a packaged function trusts what was checked when it was packaged. */
  parse?: (manifest: unknown, file: string) => Manifest
  /** Read only the versions of this model. */
  only?: string | undefined
}

/**
 * The models of a folder of model folders. A folder is called like its model; a further version
 * that is served beside it lies in `<name>@<version>`.
 * @throws ServiceError `configuration_invalid`, naming the file and what is wrong with it
 */
export function readModels(
  directory: string,
  { parse = (manifest) => manifest as Manifest, only }: ReadModelsOptions = {},
): ModelEntry[] {
  return readFolder(directory)
    .filter((item) => item.isDirectory() && existsSync(join(directory, item.name, 'manifest.json')))
    .filter((item) => only === undefined || item.name.split('@')[0] === only)
    .map((item) => readNamedFolder(join(directory, item.name), item.name, parse))
}

function readNamedFolder(
  folder: string,
  folderName: string,
  parse: (manifest: unknown, file: string) => Manifest,
): ModelEntry {
  const entry = readModelFolder(folder, parse)
  const { name, version } = entry.manifest
  const expectedNames = [name, `${name}@${version}`]
  if (expectedNames.includes(folderName)) return entry
  throw new ServiceError('configuration_invalid', {
    detail: `${folder}: the manifest describes ${expectedNames[1]}, so the folder must be called ${expectedNames.join(' or ')}.`,
  })
}

/**
 * The model of one folder, whatever that is called: platforms that bring a model choose the name.
 * @throws ServiceError `configuration_invalid`
 */
export function readModelFolder(
  folder: string,
  parse: (manifest: unknown, file: string) => Manifest,
): ModelEntry {
  const read = (name: string) => readJson(join(folder, name))
  const manifest = parse(read('manifest.json'), join(folder, 'manifest.json'))
  const names = Object.values((manifest.task.options.files ?? {}) as Record<string, string>)
  return {
    manifest,
    labels: existsSync(join(folder, 'labels.json')) ? (read('labels.json') as string[]) : [],
    files: Object.fromEntries(names.map((name) => [name, read(name)])),
    sample: read('sample.json') as ModelEntry['sample'],
    expected: read('expected.json') as ModelEntry['expected'],
    folder,
  }
}

function readFolder(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch (cause) {
    throw new ServiceError('configuration_invalid', {
      detail: `${directory} cannot be read as a folder of models: ${(cause as Error).message}`,
      cause,
    })
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new ServiceError('configuration_invalid', {
      detail: `${file} cannot be read as JSON: ${(cause as Error).message}`,
      cause,
    })
  }
}
