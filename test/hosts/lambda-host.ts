import { readFileSync } from 'node:fs'
import { readDeployment } from '#test/lambda/deployment.ts'
import {
  chooseRoute,
  gatewayAnswer,
  type HttpAnswer,
  type HttpCall,
  httpAnswer,
  httpApiEvent,
} from '#test/lambda/http-api.ts'
import {
  createLambdaFunction,
  type Invocation,
  type LambdaFunction,
} from '#test/lambda/lambda-function.ts'

export interface LambdaHost {
  request(call: HttpCall): Promise<HttpAnswer>
  /** The last invocation: was it a cold start, how long did it take, how much memory. */
  last(): Invocation | undefined
  /** Every function starts cold at its next call. */
  forget(): Promise<void>
  /** The function of this name, made on first use. */
  functionOf(name: string): LambdaFunction
  stop(): Promise<void>
}

/**
 * The packaged functions behind their routes, as the template lays them out: an HTTP call becomes
 * the event of an HTTP API, is run by Lambda's own runtime client, and its result becomes an answer.
 *
 * @param environment variables of the functions that only a deployment knows, such as endpoints
 */
export function startLambdaHost(environment: Readonly<Record<string, string>>): LambdaHost {
  const { functions, routes } = readDeployment()
  const started = new Map<string, LambdaFunction>()
  let last: Invocation | undefined

  function functionOf(name: string): LambdaFunction {
    const known = started.get(name)
    if (known) return known
    const deployed = functions.find((one) => one.name === name)
    if (!deployed) throw new Error(`The template has no function "${name}".`)
    const { zipFile, handler, memoryMB, timeoutMs } = deployed
    const created = createLambdaFunction({
      name: `percall-test-${name}`,
      zip: readFileSync(zipFile),
      handler,
      memoryMB,
      timeoutMs,
      environment: { ...deployed.environment, ...environment },
    })
    started.set(name, created)
    return created
  }
  const everyFunction = (act: (one: LambdaFunction) => Promise<void>) =>
    Promise.all([...started.values()].map(act)).then(() => {})

  return {
    functionOf,
    last: () => last,
    forget: () => everyFunction((one) => one.forget()),
    stop: () => everyFunction((one) => one.stop()),
    async request(call) {
      const route = chooseRoute(routes, call)
      if (!route) return gatewayAnswer(404, 'Not Found')
      const event = httpApiEvent(call, route.key)
      last = await functionOf(route.functionName).invoke(event)
      switch (last.failure?.errorType) {
        case undefined:
          return httpAnswer(last.payload)
        case 'RequestTooLargeException':
          return gatewayAnswer(413, 'Request Entity Too Large')
        case 'Sandbox.Timedout':
          return gatewayAnswer(503, 'Service Unavailable')
        default:
          return gatewayAnswer(500, 'Internal Server Error')
      }
    },
  }
}
