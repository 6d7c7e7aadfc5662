import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GeneratorOptions } from '#shared/generation/onnx-generator.ts'
import { tinyBytes, tinyOptions } from '#test/generation/tiny-model.ts'

export interface LanguageModelFile extends Pick<GeneratorOptions, 'shape'> {
  readonly name: string
  readonly isReal: boolean
  readonly layers: number
  readonly bytes: () => Uint8Array<ArrayBuffer>
}

const root = join(import.meta.dirname, '../../..')
const realFile = join(root, '.cache/smollm2/smollm2.int8.onnx')
const tiny: LanguageModelFile = {
  name: 'random, 2 layers',
  isReal: false,
  layers: 2,
  shape: tinyOptions.shape,
  bytes: tinyBytes,
}

/** The real model where its recipe has put it, else the tiny random one. */
export function languageModel(): LanguageModelFile {
  if (!existsSync(realFile)) return tiny
  const manifest = readFileSync(join(root, 'models/smollm2/manifest.json'), 'utf8')
  const { shape } = JSON.parse(manifest).task.options
  const bytes = () => new Uint8Array(readFileSync(realFile))
  return { name: 'SmolLM2-135M-Instruct', isReal: true, layers: 30, shape, bytes }
}
