import { posix } from 'node:path'
import { lineOf, type SourceFile } from './house.ts'

export interface Import {
  readonly file: string
  readonly line: number
  /** As it is written. */
  readonly specifier: string
  /** The file of the project that it leads to; `undefined` for packages. */
  readonly target: string | undefined
  /** `import type`: nothing is loaded. With `{ type A }` alone the file is loaded all the same. */
  readonly typeOnly: boolean
}

const statement = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\s+from\s+)?'([^']+)'/gm
const others = [
  /(?<!\btypeof\s)\bimport\(\s*()'([^']+)'/g,
  // How the entry of a thread is named.
  /new URL\(\s*()'(\.[^']+\.ts)',\s*import\.meta\.url/g,
]

/** Every import of a TypeScript file: static, dynamic, re-exported, and entries of threads. */
export function readImports({ path, text }: SourceFile): Import[] {
  if (!path.endsWith('.ts')) return []
  const code = withoutComments(text)
  return [statement, ...others].flatMap((pattern) =>
    [...code.matchAll(pattern)].map(({ index, 1: type, 2: specifier = '' }) => ({
      file: path,
      line: lineOf(code, index),
      specifier,
      target: targetOf(path, specifier),
      typeOnly: Boolean(type),
    })),
  )
}

/** The same text with comments blanked out: lines and columns stay where they are. */
export const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ' '))

function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1)
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined
}
