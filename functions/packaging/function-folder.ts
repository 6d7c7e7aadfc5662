import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** A folder of `functions/` that becomes one Lambda function. */
export interface FunctionFolder {
  readonly name: string
  readonly handlerFile: string
  /** The model it runs: a function that bears the name of a model serves it. */
  readonly model: string | undefined
}

/** The door of heavy models, which only stages have that have a place for those. */
export const heavyDoor = 'heavy'

export const repositoryRoot = resolve(import.meta.dirname, '../..')

/** Every folder of `functions/` with a `function.yml`, but those of images (`Containerfile`). */
export function listFunctionFolders(root = repositoryRoot): FunctionFolder[] {
  const models = foldersWith(join(root, 'models'), 'manifest.json')
  const functions = join(root, 'functions')
  const images = foldersWith(functions, 'Containerfile')
  return foldersWith(functions, 'function.yml')
    .filter((name) => !images.includes(name))
    .map((name) => ({
      name,
      handlerFile: join(functions, name, 'handler.ts'),
      model: models.includes(name) ? name : undefined,
    }))
}

function foldersWith(parent: string, file: string): string[] {
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(parent, entry.name, file)))
    .map((entry) => entry.name)
    .sort()
}
