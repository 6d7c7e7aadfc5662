import type { Environment } from '#shared/config/environment.ts'
import { encodePrediction } from '#shared/protocols/plain-call.ts'
import { callServer } from './call-server.ts'
import type { Answer } from './prediction-text.ts'
import { progressLine } from './progress-line.ts'
import { publishOwnArtifacts } from './publish-own-artifacts.ts'
import { pullReporter } from './pull-reporter.ts'
import type { PlainBody } from './read-input.ts'
import { serverKey } from './server-key.ts'

export interface Question {
  /** A name, with or without `@version`. */
  readonly model: string
  /** The model's own sample where absent. */
  readonly body: PlainBody | undefined
  readonly parameters: Readonly<Record<string, unknown>>
}

/** Asks in this process, with the model loaded for this one call. */
export async function askHere(question: Question, environment: Environment): Promise<Answer> {
  const { localServices } = await import('#shared/endpoints/local-services.ts')
  const onProgress = pullReporter(environment, progressLine())
  const services = await localServices({ environment, runner: 'inline', onProgress })
  try {
    const [name = '', version] = question.model.split('@', 2)
    const entry = services.catalog.find(name, version)
    const { failures } = await publishOwnArtifacts(environment, [entry])
    if (failures.length > 0) throw failures[0]
    const { inputs, parameters } = { parameters: {}, ...(question.body ?? entry.sample) }
    const prediction = await services.runner.predict(entry, {
      inputs,
      parameters: { ...parameters, ...question.parameters },
    })
    return JSON.parse(String(encodePrediction(entry, prediction).body)) as Answer
  } finally {
    await services.close()
  }
}

/** Asks a server, which answers the very same. */
export async function askServer(
  { model, body, parameters }: Question,
  environment: Environment,
  { url, key }: { url: string; key?: string | undefined },
): Promise<Answer> {
  const server = { url, key: serverKey({ url, key }, environment) }
  const path = `/v1/models/${encodeURIComponent(model).replace('%40', '@')}`
  const asked = body ?? ((await callServer(server, path)) as { sample: PlainBody }).sample
  return (await callServer(server, `${path}/predict`, {
    inputs: portable(asked.inputs),
    parameters: { ...asked.parameters, ...parameters },
  })) as Answer
}

/** Bytes as base64, which is how JSON carries an image. */
function portable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return Array.isArray(value) ? value.map(portable) : value
}
