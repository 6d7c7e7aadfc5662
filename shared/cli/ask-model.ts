import type { Environment } from '#shared/config/environment.ts'
import { plainModel } from '#shared/endpoints/predict-text.ts'
import { publishOwnArtifacts } from '#shared/endpoints/publish-own-artifacts.ts'
import { writesText } from '#shared/generation/language-models.ts'
import type { PredictRequest } from '#shared/inference/model.ts'
import { encodePrediction } from '#shared/protocols/plain-call.ts'
import { callServer, type ServerAddress } from './call-server.ts'
import { jobEnd } from './job-end.ts'
import type { Answer } from './prediction-text.ts'
import { progressLine } from './progress-line.ts'
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

interface ServerPlace {
  readonly url: string
  readonly key?: string | undefined
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
    const { predict } = writesText(entry)
      ? plainModel(services.languageModels, entry)
      : { predict: (asked: PredictRequest) => services.runner.predict(entry, asked) }
    const prediction = await predict({
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
  question: Question,
  environment: Environment,
  place: ServerPlace,
): Promise<Answer> {
  const server = serverAt(place, environment)
  const answer = await ask(question, server)
  // A heavy model of which no instance is warm.
  return isJob(answer) ? answerOf(answer.id, server) : (answer as Answer)
}

/** Has a server answer later. @returns the id of the job */
export async function askServerLater(
  question: Question,
  environment: Environment,
  place: ServerPlace,
): Promise<string> {
  const headers = { prefer: 'respond-async' }
  return ((await ask(question, serverAt(place, environment), headers)) as { id: string }).id
}

const serverAt = (place: ServerPlace, environment: Environment): ServerAddress => ({
  url: place.url,
  key: serverKey(place, environment),
})

const isJob = (answer: unknown): answer is { readonly id: string } =>
  Object(answer).object === 'job'

/** Waits for the end of a job. @throws ServiceError what the call itself was refused with */
async function answerOf(id: string, server: ServerAddress): Promise<Answer> {
  await jobEnd(async () => (await callServer(server, `/v1/jobs/${id}`)) as { state: string })
  return (await callServer(server, `/v1/jobs/${id}/result`)) as Answer
}

async function ask(
  { model, body, parameters }: Question,
  server: ServerAddress,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const path = `/v1/models/${encodeURIComponent(model).replace('%40', '@')}`
  const asked = body ?? ((await callServer(server, path)) as { sample: PlainBody }).sample
  return callServer({ ...server, headers }, `${path}/predict`, {
    inputs: portable(asked.inputs),
    parameters: { ...asked.parameters, ...parameters },
  })
}

/** Bytes as base64, which is how JSON carries an image. */
function portable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return Array.isArray(value) ? value.map(portable) : value
}
