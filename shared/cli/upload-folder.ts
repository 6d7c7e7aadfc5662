import { randomUUID } from 'node:crypto'
import { createReadStream, readdirSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import type { ObjectStore } from '#shared/batch/object-store.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Uploaded } from './batch-client.ts'

/**
 * Puts the files of a folder, and of the folders in it, under one prefix of the store: a record each.
 * What begins with a dot is left out.
 *
 * @throws ServiceError `input_invalid` where there is none
 */
export async function uploadFolder(folder: string, objects: ObjectStore): Promise<Uploaded> {
  const names = namesIn(folder)
  if (names.length === 0) {
    throw new ServiceError('input_invalid', { detail: `There is no file in ${folder}.` })
  }
  const name = resolve(folder).split(sep).at(-1)?.replace(/^\.+/, '') || 'files'
  const prefix = `uploads/default/${randomUUID()}/${name}/`
  for (const name of names) {
    await objects.write(prefix + name, createReadStream(join(folder, name)), { ifAbsent: true })
  }
  const remove = async () => {
    for (const name of names) await objects.remove(prefix + name)
  }
  return { input: { input_prefix: prefix }, remove }
}

const namesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((name) => !name.split('/').some((part) => part.startsWith('.')))
    .sort()
