import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

/**
 * The WebAssembly programs that decode images. They are code like any imported file and lie where
 * Node finds a package: a bundle ships them under these very paths in its `node_modules`.
 */
export const codecFiles = {
  jpeg: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  webp: '@jsquash/webp/codec/dec/webp_dec.wasm',
} as const

export type Codec = keyof typeof codecFiles

const compiled = new Map<Codec, Promise<WebAssembly.Module>>()

/** The compiled program: read at first use, once for concurrent callers; a failure is forgotten. */
export function codecProgram(codec: Codec): Promise<WebAssembly.Module> {
  const known = compiled.get(codec)
  if (known) return known
  const program = compile(codec)
  compiled.set(codec, program)
  program.catch(() => compiled.delete(codec))
  return program
}

async function compile(codec: Codec): Promise<WebAssembly.Module> {
  const file = createRequire(import.meta.url).resolve(codecFiles[codec])
  return WebAssembly.compile(await readFile(file))
}
