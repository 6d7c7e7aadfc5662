import type { ModelEntry } from '#shared/catalog/model-entry.ts'

/** `GET /`: KServe's V1 clients take `status` for a sign of life. */
export function encodeIndex(): object {
  return {
    status: 'alive',
    name: 'percall',
    openapi_url: '/openapi.json',
    models_url: '/v1/models',
    healthcheck_url: '/v2/health/ready',
  }
}

/** `GET /v1/models`, for OpenAI's clients (`data`), KServe's V1 clients (`models`) and people. */
export function encodeModels(entries: readonly ModelEntry[]): object {
  return {
    object: 'list',
    data: entries.map(summary),
    models: entries.map(({ manifest }) => manifest.name),
  }
}

/** Some models know thousands: a card holds so many, and all where that is asked for. */
const cardLabels = 100

/** `GET /v1/models/{model}`: what it is, what it takes, and a call that works. */
export function encodeModel(
  entry: ModelEntry,
  versions: readonly ModelEntry[],
  { allLabels = false }: { allLabels?: boolean } = {},
): object {
  const { manifest, labels } = entry
  return {
    ...summary(entry),
    name: manifest.name,
    versions: versions.map(({ manifest: { version, aliases } }) => ({ version, aliases })),
    artifact: {
      sha256: manifest.artifact.sha256,
      bytes: manifest.artifact.bytes,
      dtype: manifest.artifact.dtype,
    },
    inputs: manifest.inputs,
    outputs: manifest.outputs,
    labels: allLabels ? labels : labels.slice(0, cardLabels),
    label_count: labels.length,
    ...(!allLabels &&
      labels.length > cardLabels && {
        labels_url: `/v1/models/${manifest.name}@${manifest.version}?labels=all`,
      }),
    limits: manifest.limits,
    price: manifest.price,
    sample: entry.sample,
    expected: entry.expected.outputs,
  }
}

function summary({ manifest }: ModelEntry): object {
  return {
    id: manifest.name,
    object: 'model',
    created: Date.parse(manifest.released) / 1_000,
    owned_by: 'percall',
    version: manifest.version,
    task: manifest.task.name,
    /** Its calls are put off while no instance is warm. */
    heavy: manifest.heavy,
    description: manifest.description,
    licence: manifest.licence,
  }
}
