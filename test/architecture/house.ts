import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'

/** One file of the project, as the checks see it. */
export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string
  readonly sizeBytes: number
  /** Empty for files that are no text. */
  readonly text: string
}

/** What is wrong, and where. */
export interface Breach {
  readonly file: string
  readonly line: number
  readonly problem: string
}

const isText = /\.(ts|md|json|yml|py|txt|mjs|js)$|^\.(npmrc|gitignore|editorconfig)$|^\.ci\//

/** Every file that is committed or would be, by `git add .`. */
export function readHouse(): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    encoding: 'utf8',
  })
  return listed
    .split('\0')
    .filter((path) => path !== '' && existsSync(path))
    .map((path) => ({
      path,
      sizeBytes: statSync(path).size,
      text: isText.test(path) ? readFileSync(path, 'utf8') : '',
    }))
}

/** A house of a few files, to plant breaches in. */
export const plant = (files: Readonly<Record<string, string>>): SourceFile[] =>
  Object.entries(files).map(([path, text]) => ({ path, text, sizeBytes: Buffer.byteLength(text) }))

export const lineOf = (text: string, index: number): number =>
  text.slice(0, index).split('\n').length

export const tell = ({ file, line, problem }: Breach): string => `${file}:${line}: ${problem}`
