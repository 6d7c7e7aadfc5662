import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { DevelopmentKey } from './development-key.ts'
import { modelsTable } from './models-table.ts'
import { outColors } from './terminal.ts'

export interface DevBannerOptions {
  readonly url: string
  readonly key: DevelopmentKey
  readonly models: readonly ModelEntry[]
  readonly published: readonly ModelEntry[]
  /** The store's own name for itself. */
  readonly store: string
}

/** What `percall dev` says once it serves: where, with which key, which models, and one call. */
export function devBanner({ url, key, models, published, store }: DevBannerOptions): string {
  const { bold, cyan, dim, green } = outColors
  const example = exampleOf(models)
  return [
    ...(published.length > 0
      ? [`${green('✔')} published ${count(published.length, 'model file')} to ${store}`]
      : []),
    `${green('✔')} serving ${count(models.length, 'model')}`,
    '',
    `  ${dim('url')}  ${bold(cyan(url))}`,
    `  ${dim('key')}  ${bold(key.key)}  ${dim(`(${key.source})`)}`,
    '',
    modelsTable(models).replaceAll(/^/gm, '  '),
    ...(example ? ['', '  Try it:', '', curlLine(url, key.key, example)] : []),
    '',
  ].join('\n')
}

const count = (amount: number, thing: string) => `${amount} ${thing}${amount === 1 ? '' : 's'}`

/** The model with the shortest sample: one that fits on a line, which an image does not. */
function exampleOf(models: readonly ModelEntry[]): ModelEntry | undefined {
  const length = ({ sample }: ModelEntry) => JSON.stringify(sample).length
  const [shortest] = [...models].sort((a, b) => length(a) - length(b))
  return shortest && length(shortest) < 200 ? shortest : undefined
}

function curlLine(url: string, key: string, { manifest, sample }: ModelEntry): string {
  const body = JSON.stringify(sample).replaceAll("'", "'\\''")
  return `curl -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '${body}' ${url}/v1/models/${manifest.name}/predict`
}
