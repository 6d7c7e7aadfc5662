import type { AwsCredentials } from '#shared/aws/credentials.ts'
import { signRequest } from '#shared/aws/sign-request.ts'
import { postJson } from './post-json.ts'
import type { SendOutcome, Sink } from './sink.ts'
import { hourMs, type UsageRecord } from './usage-record.ts'

export interface MarketplaceSinkOptions {
  readonly region: string
  readonly credentials: () => AwsCredentials | Promise<AwsCredentials>
  /** Of customers without a license ARN. */
  readonly productCode?: string | undefined
  /** Default: the region's own. */
  readonly endpoint?: string | undefined
  readonly name?: string
  readonly timeoutMs?: number
}

const largestQuantity = 2_147_483_647n
/** Refused six hours after the event; the rest is for clocks and for the way there. */
const acceptedMs = 6 * hourMs - 10 * 60_000

/**
 * AWS Marketplace, BatchMeterUsage. A customer is `ACCOUNT` or `ACCOUNT LICENSE_ARN`, a meter a
 * dimension. AWS keeps one quantity for each customer, dimension and hour: the same again changes
 * nothing, another one is a DuplicateRecord. So only the first record of an hour can be sent; late
 * ones are carried into the hour that is open. AWS shows its books to no program.
 *
 * https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_BatchMeterUsage.html
 */
export function createMarketplaceSink({
  region,
  credentials,
  productCode,
  endpoint = `https://metering.marketplace.${region}.amazonaws.com`,
  name = 'marketplace',
  timeoutMs = 10_000,
}: MarketplaceSinkOptions): Sink {
  async function post(
    usage: readonly MarketplaceUsage[],
    product: string | undefined,
    now: number,
  ) {
    const body = JSON.stringify({ ProductCode: product, UsageRecords: usage })
    const { host, ...headers } = signRequest({
      method: 'POST',
      host: new URL(endpoint).host,
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AWSMPMeteringService.BatchMeterUsage',
      },
      body,
      service: 'aws-marketplace',
      region,
      credentials: await credentials(),
      now: () => now,
    })
    return postJson(endpoint, { headers, body, timeoutMs })
  }

  async function sendBatch(
    records: readonly UsageRecord[],
    product: string | undefined,
    now: number,
  ): Promise<SendOutcome[]> {
    const { status, text, reached, ...failure } = await post(records.map(toUsage), product, now)
    if (status === 200) return readResults(records, text)
    const blamed = errorType(text)
    if (!refusals.has(blamed)) {
      // Other 4xx are throttling and settings: nothing was processed, and it may pass.
      const kind = !reached || (status >= 400 && status < 500) ? 'not-landed' : 'unknown'
      return records.map(() => ({ kind, ...failure }))
    }
    if (records.length === 1) {
      return [{ kind: blamed === timestampError ? 'too-late' : 'refused', reason: failure.reason }]
    }
    // One bad record keeps the whole batch from being processed: the halves find it.
    const middle = Math.ceil(records.length / 2)
    return [
      ...(await sendBatch(records.slice(0, middle), product, now)),
      ...(await sendBatch(records.slice(middle), product, now)),
    ]
  }

  async function send(records: readonly UsageRecord[], now: number): Promise<SendOutcome[]> {
    const outcomes = new Map<string, SendOutcome>()
    const fitting = records.filter(({ quantity }) => quantity <= largestQuantity)
    for (const licensed of [true, false]) {
      const group = fitting.filter((record) => (licenseOf(record) !== undefined) === licensed)
      if (group.length === 0) continue
      const sent = await sendBatch(group, licensed ? undefined : productCode, now)
      for (const [index, { id }] of group.entries()) outcomes.set(id, sent[index] ?? unanswered)
    }
    return records.map(({ id }) => outcomes.get(id) ?? tooLarge)
  }

  return {
    name,
    batchSize: 25,
    // For as long as AWS takes the record at all.
    dedupeWindowMs: Number.POSITIVE_INFINITY,
    accepts: ({ sequence, hour }, now) => sequence === 0 && now < hour + acceptedMs,
    send: (records, now) =>
      send(records, now).catch(() =>
        records.map(() => ({ kind: 'not-landed', reason: 'There are no AWS credentials.' })),
      ),
  }
}

const timestampError = 'TimestampOutOfBoundsException'
/** Errors that some record of the batch has caused. */
const refusals = new Set([
  timestampError,
  'InvalidUsageDimensionException',
  'InvalidCustomerIdentifierException',
  'InvalidLicenseException',
  'ValidationException',
])

const unanswered: SendOutcome = { kind: 'unknown', reason: 'The answer does not name the record.' }
const tooLarge: SendOutcome = {
  kind: 'refused',
  reason: `A quantity is at most ${largestQuantity}; count in larger units.`,
}

interface MarketplaceUsage {
  readonly CustomerAWSAccountId: string
  readonly LicenseArn?: string | undefined
  readonly Dimension: string
  readonly Quantity: number
  /** Seconds since 1970. */
  readonly Timestamp: number
}

const licenseOf = ({ customer }: UsageRecord) => customer.split(' ')[1]

const toUsage = (record: UsageRecord): MarketplaceUsage => ({
  CustomerAWSAccountId: record.customer.split(' ')[0] ?? '',
  LicenseArn: licenseOf(record),
  Dimension: record.meter,
  Quantity: Number(record.quantity),
  Timestamp: record.hour / 1_000,
})

interface BatchAnswer {
  readonly Results?: readonly {
    readonly UsageRecord?: MarketplaceUsage
    readonly Status?: string
  }[]
  readonly UnprocessedRecords?: readonly MarketplaceUsage[]
}

/** Results come in any order and name their records by what was sent. */
function readResults(records: readonly UsageRecord[], text: string): SendOutcome[] {
  const { Results = [], UnprocessedRecords = [] } = parse<BatchAnswer>(text)
  const statuses = new Map(
    Results.map((result) => [result.UsageRecord && keyOf(result.UsageRecord), result.Status]),
  )
  const unprocessed = new Set(UnprocessedRecords.map(keyOf))
  return records.map(toUsage).map((usage) => {
    const status = statuses.get(keyOf(usage))
    if (status === 'Success') return { kind: 'accepted' }
    if (status === 'DuplicateRecord') {
      return { kind: 'conflict', reason: 'AWS has another quantity for this hour.' }
    }
    if (status !== undefined) return { kind: 'refused', reason: status }
    if (!unprocessed.has(keyOf(usage))) return unanswered
    return { kind: 'not-landed', reason: 'AWS has not processed the record.' }
  })
}

const keyOf = ({ CustomerAWSAccountId, LicenseArn, Dimension, Timestamp }: MarketplaceUsage) =>
  JSON.stringify([CustomerAWSAccountId, LicenseArn, Dimension, Timestamp])

const errorType = (text: string) =>
  parse<{ readonly __type?: string }>(text).__type?.split('#').pop() ?? ''

/** An answer that is no JSON says nothing. */
function parse<Answer extends object>(text: string): Partial<Answer> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
