import { join } from 'node:path'
import { type FunctionFolder, repositoryRoot } from '#functions/packaging/function-folder.ts'
import { packageFunction } from '#functions/packaging/package-function.ts'
import { readZip } from '#test/lambda/read-zip.ts'
import { architecture } from './architecture.ts'
import { cacheFolder } from './cache-folder.ts'
import { writeFiles } from './write-files.ts'

/**
 * The zip of a function as it goes to Lambda, unpacked.
 *
 * @param label what the folder is called in the cache
 * @returns the folder, which is LAMBDA_TASK_ROOT; `handler.mjs` is in it
 */
export async function unpackFunction(
  label: string,
  folder: FunctionFolder,
  modelsFolder = join(repositoryRoot, 'models'),
): Promise<string> {
  const { zip } = await packageFunction(folder, { architecture, modelsFolder })
  return writeFiles(cacheFolder('functions', label), Object.fromEntries(readZip(zip)))
}
