import type {
  APIGatewayProxyEventV2,
  SQSBatchResponse,
  SQSEvent,
  StreamifyHandler,
} from 'aws-lambda'
import { readEnvironment } from '#shared/config/environment.ts'
import { createLanguageModels, writesText } from '#shared/generation/language-models.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { findNamed } from './find-named.ts'
import { generatorStarter } from './generator-starter.ts'
import { onJobMessages } from './job-messages.ts'
import { keepWarm } from './keep-warm.ts'
import { warmUp } from './lambda-host.ts'
import { lambdaServices } from './lambda-services.ts'
import { streamAnswer } from './lambda-stream-host.ts'
import { openGenerator } from './open-generator.ts'
import { openRunner } from './open-runner.ts'
import { servingEndpoint } from './serving-endpoint.ts'

export interface ContainerEventsOptions {
  readonly endpoint: Endpoint
  /** Takes an event of SQS; who is in `batchItemFailures` is delivered again. */
  readonly onMessages: (event: SQSEvent) => Promise<SQSBatchResponse>
}

/**
 * The container as a Lambda function: events of HTTP are answered as streams, events of SQS by what
 * they leave to be delivered again. Several are taken at a time, so models do not run inline.
 */
export async function onContainerEvents(
  { endpoint, onMessages }: ContainerEventsOptions = heavyModels(),
): Promise<StreamifyHandler<APIGatewayProxyEventV2 | SQSEvent, void>> {
  await warmUp(endpoint)
  return awslambda.streamifyResponse(
    async (event: APIGatewayProxyEventV2 | SQSEvent, responseStream) => {
      if (!('Records' in event)) return streamAnswer(endpoint, event, responseStream)
      const left = await onMessages(event)
      responseStream.setContentType('application/json')
      responseStream.end(JSON.stringify(left))
    },
  )
}

/** All models of the image, and the queue of heavy calls; `PERCALL_MODEL` is loaded ahead of the first event. */
function heavyModels(): ContainerEventsOptions {
  const environment = readEnvironment()
  const services = lambdaServices({
    openRunner: ({ readArtifact }) => openRunner(environment, { readArtifact, size: 1 }),
  })
  const { catalog, runner, readArtifact, threads, openJobs, logger } = services
  const start = generatorStarter(environment)
  const languageModels = createLanguageModels((entry) =>
    openGenerator(entry, { readArtifact, threads, start }),
  )
  const endpoint = servingEndpoint({ ...services, languageModels })
  const { PERCALL_MODEL: name } = environment
  if (name !== undefined) {
    endpoint.warm = async () => {
      const entry = findNamed(catalog, name)
      await (writesText(entry) ? languageModels.find(entry) : runner.load(entry))
      keepWarm(modelKey(entry), { openJobs, logger })
    }
  }
  return { endpoint, onMessages: onJobMessages({ ...services, endpoint, lane: 'heavy' }) }
}
