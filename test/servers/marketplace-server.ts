import * as z from 'zod/mini'
import { signRequest } from '#shared/aws/sign-request.ts'
import { type Answer, type ReceivedRequest, startFaultyHttpServer } from './faulty-http-server.ts'

const region = 'us-east-1'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
const hourMs = 60 * 60 * 1_000

const input = z.strictObject({
  ProductCode: z.optional(z.literal('product')),
  UsageRecords: z
    .array(
      z.strictObject({
        CustomerAWSAccountId: z.string().check(z.regex(/^[0-9]+$/)),
        LicenseArn: z.optional(z.string()),
        Dimension: z.string().check(z.minLength(1), z.maxLength(255)),
        Quantity: z.int().check(z.nonnegative(), z.maximum(2_147_483_647)),
        Timestamp: z.number(),
      }),
    )
    .check(z.minLength(1), z.maxLength(25)),
})
type Usage = z.infer<typeof input>['UsageRecords'][number]

/**
 * BatchMeterUsage as its reference says: one quantity a customer, license, dimension and hour, the same
 * again changes nothing; nothing is taken six hours after the event; a record with a bad timestamp,
 * dimension or customer keeps the whole batch from being processed.
 */
export async function startMarketplaceServer(options: {
  readonly now: () => number
  readonly dimensions: readonly string[]
  readonly subscribers: readonly string[]
}) {
  const { now, dimensions, subscribers } = options
  const books = new Map<string, Usage>()
  /** Of the next batches so many records are left unprocessed. */
  const leftOut: number[] = []

  const server = await startFaultyHttpServer((request) => {
    if (!isSigned(request, now())) return fail('InvalidSignatureException')
    const { UsageRecords, ProductCode } = input.parse(JSON.parse(request.body))
    // Records of licenses go without a product, the others only with one.
    if (
      UsageRecords.some(({ LicenseArn }) => (LicenseArn === undefined) !== Boolean(ProductCode))
    ) {
      return fail('InvalidProductCodeException')
    }
    if (UsageRecords.some(({ Dimension }) => !dimensions.includes(Dimension))) {
      return fail('InvalidUsageDimensionException')
    }
    const times = UsageRecords.map(({ Timestamp }) => Timestamp * 1_000)
    if (times.some((time) => time <= now() - 6 * hourMs || time > now())) {
      return fail('TimestampOutOfBoundsException')
    }
    const processed = UsageRecords.length - (leftOut.shift() ?? 0)
    const Results = UsageRecords.slice(0, processed).map(meter).reverse()
    return json(200, { Results, UnprocessedRecords: UsageRecords.slice(processed) })
  })

  function meter(UsageRecord: Usage) {
    if (!subscribers.includes(UsageRecord.CustomerAWSAccountId)) {
      return { UsageRecord, Status: 'CustomerNotSubscribed' }
    }
    const key = keyOf(UsageRecord)
    const standing = books.get(key)
    if (standing && standing.Quantity !== UsageRecord.Quantity) {
      return { UsageRecord, Status: 'DuplicateRecord' }
    }
    books.set(key, UsageRecord)
    return { UsageRecord, Status: 'Success', MeteringRecordId: `id-${books.size}` }
  }

  return {
    ...server,
    region,
    credentials,
    leaveOut: (count: number) => void leftOut.push(count),
    /** What AWS will bill. */
    metered: () => [...books.values()],
  }
}

const keyOf = ({ CustomerAWSAccountId, LicenseArn, Dimension, Timestamp }: Usage) =>
  JSON.stringify([CustomerAWSAccountId, LicenseArn, Dimension, Math.floor(Timestamp / 3_600)])

function isSigned({ method, url, headers, body }: ReceivedRequest, now: number): boolean {
  const named = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? []
  const sent = Object.fromEntries(named.map((name) => [name, String(headers[name])]))
  const { host = '', 'x-amz-date': date, ...others } = sent
  const expected = signRequest({
    method,
    host,
    path: url.pathname,
    headers: others,
    body,
    service: 'aws-marketplace',
    region,
    credentials,
    now: () => now,
  })
  return (
    expected.authorization === headers.authorization &&
    expected['x-amz-date'] === date &&
    headers['x-amz-target'] === 'AWSMPMeteringService.BatchMeterUsage' &&
    headers['content-type'] === 'application/x-amz-json-1.1' &&
    url.pathname === '/'
  )
}

const json = (status: number, body: object): Answer => ({ status, body: JSON.stringify(body) })
const fail = (__type: string) => json(400, { __type, message: 'Refused.' })
