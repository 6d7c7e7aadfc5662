import { type Breach, lineOf, type SourceFile } from './house.ts'

type Rule = (file: SourceFile) => Omit<Breach, 'file'>[]

const longestFile = 400
const longestHandler = 8
const longestReadme = 40
const largestBytes = 500_000

const lines = (text: string) => text.trimEnd().split('\n').length
const tooLong = (text: string, limit: number) =>
  lines(text) > limit ? [{ line: limit + 1, problem: `has more than ${limit} lines` }] : []

/** Where each word that must not be committed stands. */
const find = (text: string, pattern: RegExp, problem: string) =>
  [...text.matchAll(pattern)].map(({ index }) => ({ line: lineOf(text, index), problem }))

/** What holds for each file by itself. */
const rules: readonly Rule[] = [
  ({ sizeBytes }) =>
    sizeBytes > largestBytes
      ? [{ line: 1, problem: `has ${sizeBytes} bytes; at most ${largestBytes} are committed` }]
      : [],
  ({ path, text }) => (/\.ts$/.test(path) ? tooLong(text, longestFile) : []),
  ({ path, text }) =>
    /^functions\/.*\/handler\.ts$/.test(path) ? tooLong(text, longestHandler) : [],
  ({ path, text }) =>
    /^shared\/[^/]+\/README\.md$/.test(path) ? tooLong(text, longestReadme) : [],
  ({ path }) =>
    path.endsWith('.ts') && !/^(.*\/)?[a-z0-9]+([-.][a-z0-9]+)*\.ts$/.test(path)
      ? [{ line: 1, problem: 'is not named in kebab-case' }]
      : [],
  ({ path }) =>
    /(^|\/)index\.ts$/.test(path) ? [{ line: 1, problem: 'is a barrel; name the files' }] : [],
  ({ path, text }) =>
    path.endsWith('.ts') && !path.endsWith('vitest.config.ts')
      ? find(text, /^export default\b/gm, 'exports have names here')
      : [],
  ({ path, text }) =>
    path === 'package-lock.json'
      ? find(text, /"resolved":\s*"https?:/g, 'names a registry; see .npmrc')
      : [],
  ({ path, text }) =>
    path === 'package-lock.json'
      ? []
      : find(text, /(?<![\w.~])\/(root|work|home\/\w+)\//g, 'names a path of one machine'),
]

export const fileBreaches = (house: readonly SourceFile[]): Breach[] =>
  house.flatMap((file) =>
    rules.flatMap((rule) => rule(file).map((breach) => ({ file: file.path, ...breach }))),
  )

/** What must lie beside each other. */
export function missingFiles(house: readonly SourceFile[]): Breach[] {
  const paths = house.map(({ path }) => path)
  const foldersOf = (pattern: RegExp) => [
    ...new Set(paths.flatMap((path) => pattern.exec(path)?.[1] ?? [])),
  ]
  const wanted: [folder: string, name: string | RegExp][] = [
    ...foldersOf(/^(shared\/[^/]+)\//).map((room) => [room, 'README.md'] as [string, string]),
    ...foldersOf(/^(functions\/[^/]+)\/(?:handler\.ts|function\.yml)$/).flatMap(
      (folder): [string, string][] => [
        [folder, 'handler.ts'],
        [folder, 'function.yml'],
      ],
    ),
    ...foldersOf(/^(models\/[^/]+)\//).flatMap((folder): [string, string | RegExp][] => [
      ...['manifest.json', 'sample.json', 'expected.json'].map((name): [string, string] => [
        folder,
        name,
      ]),
      [folder, 'README.md'],
      [folder, /^recipe\.\w+$/],
      // Of a model the committed file; a larger one is pulled from where the manifest says.
      ...(manifestOf(house, folder)?.artifact?.file ? [artifactOf(house, folder)] : []),
      ...(/classif|detect/.test(manifestOf(house, folder)?.task?.name ?? '')
        ? [[folder, 'labels.json'] as [string, string]]
        : []),
    ]),
  ]
  return wanted.flatMap(([folder, name]) => {
    const inside = paths
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1))
    const found = inside.some((file) => (name instanceof RegExp ? name.test(file) : file === name))
    return found ? [] : [{ file: folder, line: 1, problem: `lacks ${name}` }]
  })
}

interface ManifestParts {
  readonly artifact?: { readonly file?: string }
  readonly task?: { readonly name?: string }
}

function manifestOf(house: readonly SourceFile[], folder: string): ManifestParts | undefined {
  const file = house.find(({ path }) => path === `${folder}/manifest.json`)
  return file && (JSON.parse(file.text) as ManifestParts)
}

const artifactOf = (house: readonly SourceFile[], folder: string): [string, string] => [
  folder,
  manifestOf(house, folder)?.artifact?.file ?? '',
]

/** Every route needs a row `| \`GET /path\` |` in the table of `functions/README.md`. */
export function undocumentedRoutes(
  house: readonly SourceFile[],
  routes: readonly { readonly method: string; readonly path: string }[],
): Breach[] {
  const file = 'functions/README.md'
  const text = house.find(({ path }) => path === file)?.text ?? ''
  const rows = [...text.matchAll(/^\|\s*`((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`/gm)]
  const calls = routes.map(({ method, path }) => `${method} ${path}`)
  return [
    ...calls
      .filter((call) => !rows.some(([, row]) => row === call))
      .map((call) => ({ file, line: 1, problem: `has no row for ${call}` })),
    ...rows
      .filter(([, row]) => !calls.includes(row ?? ''))
      .map(({ index, 1: row }) => ({
        file,
        line: lineOf(text, index),
        problem: `${row} is no route`,
      })),
  ]
}
