import * as http from 'node:http'
import * as https from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { AwsCredentials } from './credentials.ts'
import { signRequest } from './sign-request.ts'

/** A value as DynamoDB writes it: numbers as text, bytes in base64. */
type DynamodbValue = { S: string } | { N: string } | { B: string }
export type DynamodbItem = Readonly<Record<string, DynamodbValue>>

/** What is read of answers; which members there are depends on the operation. */
interface DynamodbAnswer {
  readonly Item?: DynamodbItem
  readonly Items?: readonly DynamodbItem[]
  readonly Attributes?: DynamodbItem
  /** Of a transaction that reads: one an item asked for, in that order. */
  readonly Responses?: readonly { readonly Item?: DynamodbItem }[]
  readonly LastEvaluatedKey?: DynamodbItem
  /** Where the input asks for it with `ReturnConsumedCapacity`; a transaction has a list. */
  readonly ConsumedCapacity?: ConsumedCapacity | readonly ConsumedCapacity[]
}

export interface ConsumedCapacity {
  readonly CapacityUnits?: number
  readonly GlobalSecondaryIndexes?: Readonly<Record<string, { readonly CapacityUnits?: number }>>
}

/** What became of one action of a cancelled transaction, in the order of the actions. */
export interface CancellationReason {
  /** `None`, `ConditionalCheckFailed`, `TransactionConflict` and the like. */
  readonly Code?: string
  /** The item that was in the way, where the action asked for it. */
  readonly Item?: DynamodbItem
}

export interface DynamodbClientOptions {
  readonly region: string
  /** Asked before each attempt, since those of a role are replaced now and then. */
  readonly credentials: () => AwsCredentials | Promise<AwsCredentials>
  /** Default: the region's own. */
  readonly endpoint?: string | undefined
  /** One attempt. */
  readonly timeoutMs?: number
  /** All attempts of a call and the pauses between them. */
  readonly deadlineMs?: number
  readonly maxAttempts?: number
  readonly now?: () => number
  /** In [0, 1): spreads the retries of many callers. */
  readonly random?: () => number
  readonly sleep?: (ms: number) => Promise<unknown>
}

export interface CallOptions {
  /** Where others use an item of a transaction: whether to hear of it instead of trying again. */
  readonly isTooBusy?: ((reasons: readonly CancellationReason[]) => boolean) | undefined
}

export interface DynamodbClient {
  /**
   * Runs one operation, e.g. `GetItem`. It may reach the table twice when a reply is lost, so every
   * write must carry a condition that makes the second one harmless.
   *
   * @throws DynamodbRefusal where a condition did not hold, or where it is too busy
   * @throws ServiceError `store_unavailable` for everything else
   */
  call(operation: string, input: object, options?: CallOptions): Promise<DynamodbAnswer>
}

/** DynamoDB checked the condition and it did not hold, or others are at the same items. */
export class DynamodbRefusal extends Error {
  override readonly name = 'DynamodbRefusal'
  readonly type: string
  /** The item that was in the way, where the input asked for it. */
  readonly item: DynamodbItem | undefined
  /** Of a transaction: one reason an action. */
  readonly reasons: readonly CancellationReason[]

  constructor({ type, item, reasons }: Pick<Failure, 'type' | 'item' | 'reasons'>) {
    super(type)
    this.type = type
    this.item = item
    this.reasons = reasons
  }
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html */
const retryable = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'TransactionInProgressException',
])
/** Others use the same items: it passes as soon as they have finished, however often that takes. */
const conflicts = new Set(['TransactionConflict', 'TransactionConflictException'])
/** Of single actions; everything else that can stop one will stop it again. */
const retryableReasons = new Set([...conflicts, 'ProvisionedThroughputExceeded', 'ThrottlingError'])
const decisive = new Set([...retryableReasons, 'ConditionalCheckFailed'])
const firstPauseMs = 25
const longestPauseMs = 500

/** DynamoDB's JSON protocol over kept-alive connections, signed here instead of by the AWS SDK. */
export function createDynamodbClient(options: DynamodbClientOptions): DynamodbClient {
  const { region, credentials, timeoutMs = 1_000, deadlineMs = 3_000, maxAttempts = 5 } = options
  const { now = Date.now, random = Math.random, sleep = delay } = options
  const endpoint = new URL(options.endpoint ?? `https://dynamodb.${region}.amazonaws.com`)
  const send = createTransport(endpoint, now)

  return {
    async call(operation, input, { isTooBusy = () => false } = {}) {
      const deadline = now() + deadlineMs
      const body = JSON.stringify(input)
      for (let attempt = 1; ; attempt += 1) {
        const signed = { region, credentials: await credentials(), operation, body }
        const left = Math.min(timeoutMs, deadline - now())
        const outcome = await send(signed, left).catch((cause) => ({ status: 0, text: '', cause }))
        if (outcome.status === 200) return parse(outcome.text)
        const failure = readFailure(outcome)
        if (isRefusal(failure) || (isConflict(failure) && isTooBusy(failure.reasons))) {
          throw new DynamodbRefusal(failure)
        }
        const pauseMs = random() * Math.min(longestPauseMs, firstPauseMs * 2 ** attempt)
        const again = outcome.status === 0 || outcome.status >= 500 || isRetryable(failure)
        const tooOften = attempt >= maxAttempts && !isConflict(failure)
        if (!again || tooOften || now() + pauseMs >= deadline) {
          throw new ServiceError('store_unavailable', { cause: failure.cause })
        }
        await sleep(pauseMs)
      }
    },
  }
}

interface Outcome {
  /** 0 where no answer came. */
  readonly status: number
  readonly text: string
  readonly cause?: unknown
}

interface Failure {
  /** DynamoDB's word, such as `ThrottlingException`; empty where it said nothing. */
  readonly type: string
  readonly item: DynamodbItem | undefined
  readonly reasons: readonly CancellationReason[]
  readonly cause: unknown
}

interface FailureBody {
  readonly __type?: string
  readonly message?: string
  readonly Message?: string
  readonly Item?: DynamodbItem
  readonly CancellationReasons?: readonly CancellationReason[]
}

function readFailure({ status, text, cause }: Outcome): Failure {
  const answer: FailureBody = text.startsWith('{') ? parse(text) : {}
  const type = answer.__type?.split('#').pop() ?? ''
  const message = answer.message ?? answer.Message ?? ''
  return {
    type,
    item: answer.Item,
    reasons: answer.CancellationReasons ?? [],
    cause: cause ?? new Error(`DynamoDB answered ${status} ${type}: ${message}`),
  }
}

/**
 * One condition that does not hold decides, whatever stood in the way of the actions after it. Where
 * others were at an item before it, it was judged under premises that may no longer hold.
 */
const isRefusal = ({ type, reasons }: Failure) =>
  type === 'ConditionalCheckFailedException' ||
  (type === 'TransactionCanceledException' &&
    reasons.find(({ Code = 'None' }) => decisive.has(Code))?.Code === 'ConditionalCheckFailed')

const isRetryable = ({ type, reasons }: Failure) =>
  retryable.has(type) || conflicts.has(type) || someCode(reasons, retryableReasons)

const isConflict = ({ type, reasons }: Failure) =>
  conflicts.has(type) || someCode(reasons, conflicts)

const someCode = (reasons: readonly CancellationReason[], codes: ReadonlySet<string>) =>
  reasons.some(({ Code = 'None' }) => codes.has(Code))

function parse<Answer>(text: string): Answer {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ServiceError('store_unavailable', { cause })
  }
}

function createTransport(endpoint: URL, now: () => number) {
  const { Agent, request } = endpoint.protocol === 'http:' ? http : https
  const agent = new Agent({ keepAlive: true })
  type Call = { region: string; credentials: AwsCredentials; operation: string; body: string }

  return ({ region, credentials, operation, body }: Call, timeoutMs: number) =>
    new Promise<Outcome>((resolve, reject) => {
      const headers = signRequest({
        method: 'POST',
        host: endpoint.host,
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': `DynamoDB_20120810.${operation}`,
        },
        body,
        service: 'dynamodb',
        region,
        credentials,
        now,
      })
      const signal = AbortSignal.timeout(Math.max(1, timeoutMs))
      request(endpoint, { method: 'POST', agent, headers, signal }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        response.on('error', reject)
      })
        .on('error', reject)
        .end(body)
    })
}
