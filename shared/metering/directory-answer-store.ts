import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { AnswerStore } from './answer-store.ts'

/** Answers as files of one directory. */
export function createDirectoryAnswerStore(directory: string): AnswerStore {
  const pathOf = (name: string) => join(directory, encodeURIComponent(name))
  return {
    async put(name, body) {
      const draft = `${pathOf(name)}.${randomUUID()}.draft`
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        const file = await open(draft, 'wx', 0o600)
        try {
          await file.writeFile(body)
          await file.sync()
        } finally {
          await file.close()
        }
        // Unlike a rename, a link never takes the place of what is there.
        await link(draft, pathOf(name)).catch(unless('EEXIST'))
        await syncDirectory(directory)
      } catch (cause) {
        throw new ServiceError('store_unavailable', { cause })
      } finally {
        await rm(draft, { force: true }).catch(() => undefined)
      }
    },

    get: async (name) => {
      const file: Uint8Array | undefined = await readFile(pathOf(name)).catch(unless('ENOENT'))
      return file && new Uint8Array(file)
    },

    remove: (name) => rm(pathOf(name)).catch(unless('ENOENT')),
  }
}

const unless = (code: string) => (cause: unknown) => {
  if (cause instanceof Error && 'code' in cause && cause.code === code) return undefined
  throw new ServiceError('store_unavailable', { cause })
}

/** A new name is on the disk itself only once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
