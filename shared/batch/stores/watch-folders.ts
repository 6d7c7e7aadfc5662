import { type FSWatcher, watch } from 'node:fs'
import { lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Tells of files below a folder that appear or change, by their paths from there with `/`; of those that
 * lie there already, nothing. One watch a folder, none a file: Node's own recursive watch has one a file
 * on Linux, of which there are few. What happens while a watch is being set up may be missed.
 *
 * @returns what stops it
 * @throws where the system has no watches left
 */
export async function watchFolders(
  root: string,
  onChange: (path: string) => void,
): Promise<() => Promise<void>> {
  const watchers = new Map<string, FSWatcher>()
  let isOver = false

  /** @param path empty, or with a slash at its end @param isNew so that its files are told of, too */
  async function add(path: string, isNew: boolean): Promise<void> {
    if (isOver || watchers.has(path)) return
    const watcher = watch(join(root, path), { persistent: false })
    watchers.set(path, watcher)
    watcher.on('error', () => watcher.close())
    watcher.on('change', (_, name) => void (name !== null && look(path, `${name}`)))
    for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      if (entry.isDirectory()) await add(`${path}${entry.name}/`, isNew)
      else if (isNew) onChange(path + entry.name)
    }
  }
  async function look(path: string, name: string): Promise<void> {
    if (name.startsWith('.')) return
    onChange(path + name)
    const folder = `${path}${name}/`
    // A folder that was there before has gone, or has come again: its old watch sees nothing.
    watchers.get(folder)?.close()
    watchers.delete(folder)
    // Not behind a link: there are no objects.
    const found = await lstat(join(root, path, name)).catch(() => undefined)
    if (found?.isDirectory()) await add(folder, true).catch(() => undefined)
  }

  await mkdir(root, { recursive: true, mode: 0o700 })
  const stop = async () => {
    isOver = true
    for (const watcher of watchers.values()) watcher.close()
  }
  await add('', false).catch(async (error) => {
    await stop()
    throw error
  })
  return stop
}
