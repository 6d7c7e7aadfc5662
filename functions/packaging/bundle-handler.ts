import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { repositoryRoot } from './function-folder.ts'
import { nodeModules } from './node-modules.ts'
import type { PackageFiles } from './package-files.ts'

export interface Bundle {
  readonly files: PackageFiles
  /** Every source file in it, also those that are loaded lazily; paths from the repository's root. */
  readonly sources: readonly string[]
  /** Programs beside the handler, which it starts as processes: `score-process`. */
  readonly programs: readonly string[]
  /** Bytes of JavaScript that a cold start evaluates before the first request. */
  readonly startBytes: number
  /** Packages that a cold start evaluates, e.g. `@middy/core`. */
  readonly startPackages: readonly string[]
}

// ES modules have no `require`, but the CommonJS packages in the bundle call it. The name is free:
// names of the bundle's own are shortened.
const banner =
  "import{createRequire}from'node:module';const require=createRequire(import.meta.url);"

/**
 * A handler and all it imports as `handler.mjs`, with what it imports lazily in files beside it, and
 * the programs that it starts as processes of their own.
 */
export async function bundleHandler(handlerFile: string): Promise<Bundle> {
  const alone = await bundle({ handler: handlerFile })
  const programs = programsOf(alone.sources)
  return Object.keys(programs).length > 0 ? bundle({ handler: handlerFile, ...programs }) : alone
}

/** Whoever imports `score-program.ts` expects `score-process.mjs` beside itself. */
function programsOf(sources: readonly string[]): Record<string, string> {
  const programs = sources.flatMap((path) => /^(shared\/.*)-program\.ts$/.exec(path)?.[1] ?? [])
  return Object.fromEntries(
    programs.map((path) => [`${basename(path)}-process`, `${path}-process.ts`]),
  )
}

async function bundle(entryPoints: Record<string, string>): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: repositoryRoot,
    entryPoints,
    outdir: '/',
    outExtension: { '.js': '.mjs' },
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'error',
    banner: { js: banner },
    external: ['*.node'],
    plugins: [nodeModules, onnxRuntime],
  })
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]),
  )
  const start = startFiles('handler.mjs', (file) =>
    (outputs.get(file)?.imports ?? [])
      .filter(({ kind, external }) => kind === 'import-statement' && !external)
      .map(({ path }) => basename(path)),
  )
  const startSources = start.flatMap((file) => Object.keys(outputs.get(file)?.inputs ?? {}))
  return {
    programs: Object.keys(entryPoints).filter((name) => name !== 'handler'),
    files: Object.fromEntries(outputFiles.map(({ path, contents }) => [basename(path), contents])),
    sources: Object.keys(metafile.inputs),
    startBytes: start.reduce((sum, file) => sum + (outputs.get(file)?.bytes ?? 0), 0),
    startPackages: [...new Set(startSources.flatMap(packageOf))].sort(),
  }
}

/**
 * onnxruntime-node is CommonJS and computes the path of its native binding. In a zip the binding
 * lies beside the handler, and a lazy import finds the names as it does under Node.
 */
const onnxRuntime: Plugin = {
  name: 'onnx-runtime',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^onnxruntime-node$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: 'names', namespace: 'onnx-runtime' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'onnx-runtime' }, () => ({
      contents: "export { InferenceSession, Tensor } from 'onnxruntime-node'",
      resolveDir: repositoryRoot,
    }))
    onLoad({ filter: /onnxruntime-node\/dist\/binding\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const contents = source.replace(
        /require\(`[^`]*\/onnxruntime_binding\.node`\)/,
        "require('./onnxruntime_binding.node')",
      )
      if (contents === source)
        throw new Error(`${path} loads its binding in another way than known.`)
      return { contents }
    })
  },
}

function startFiles(entry: string, importsOf: (file: string) => string[]): string[] {
  const seen = new Set([entry])
  for (const file of seen) for (const imported of importsOf(file)) seen.add(imported)
  return [...seen]
}

function packageOf(path: string): string[] {
  const inPackage = path.split('node_modules/').at(-1)
  if (!path.includes('node_modules/') || !inPackage) return []
  const [scope = '', name = ''] = inPackage.split('/')
  return [scope.startsWith('@') ? `${scope}/${name}` : scope]
}
