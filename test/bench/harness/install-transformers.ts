import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cacheFolder } from './cache-folder.ts'

/** Has onnxruntime-node 1.30.0, as the project does. */
const version = '4.3.1'

/**
 * `@huggingface/transformers` is compared with, and no dependency: it is installed beside what the
 * benchmark makes, once (0.5 GB). No script runs: the one of onnxruntime-node would fetch CUDA.
 * @returns the URL to import
 */
export function installTransformers(): { url: string; version: string } {
  const prefix = cacheFolder(`transformers-${version}`)
  const name = '@huggingface/transformers'
  const file = join(prefix, 'node_modules', name, 'dist/transformers.node.mjs')
  if (!existsSync(file)) {
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const words = ['install', '--prefix', prefix, ...quiet, `${name}@${version}`]
    const { status, error } = spawnSync('npm', words, { stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) throw error ?? new Error(`npm ended with ${status}.`)
  }
  return { url: pathToFileURL(file).href, version }
}
