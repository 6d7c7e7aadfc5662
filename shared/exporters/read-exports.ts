import { readFileSync } from 'node:fs'
import * as z from 'zod/mini'
import type { AwsCredentials } from '#shared/aws/credentials.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createCloudEventsSink } from './cloud-events-sink.ts'
import { createMarketplaceSink } from './marketplace-sink.ts'
import { type Customer, type Export, type Measure, type Meter, measures } from './sink.ts'
import { createStripeSink } from './stripe-sink.ts'
import { hourMs } from './usage-record.ts'

/** What no file should hold. */
export interface ExportSecrets {
  readonly stripeApiKey?: string | undefined
  readonly stripeBaseUrl?: string | undefined
  readonly eventsSecret?: string | undefined
  readonly awsCredentials: () => AwsCredentials | Promise<AwsCredentials>
  readonly marketplaceEndpoint?: string | undefined
}

const measureNames = Object.keys(measures) as [Measure, ...Measure[]]
/** The sink's name of a meter, and what it counts. */
const meters = z.record(z.string().check(z.minLength(1), z.maxLength(100)), z.enum(measureNames))
const customersOf = (id: z.ZodMiniString) => {
  const since = z.pipe(
    z.iso.datetime(),
    z.transform((date: string) => Date.parse(date)),
  )
  return z.record(z.string(), z.strictObject({ id, since: z.optional(since) }))
}
const schema = z.strictObject({
  stripe: z.optional(
    z.strictObject({ meters, customers: customersOf(z.string().check(z.startsWith('cus_'))) }),
  ),
  marketplace: z.optional(
    z.strictObject({
      region: z.string(),
      productCode: z.optional(z.string()),
      meters,
      /** An account of AWS, and for new products the license behind a space. */
      customers: customersOf(z.string().check(z.regex(/^\d{12}( arn:\S+)?$/))),
    }),
  ),
  cloudEvents: z.optional(
    z.strictObject({
      url: z.url(),
      source: z.string().check(z.minLength(1)),
      /** How long the receiver knows an event again; absent is for ever. */
      dedupeHours: z.optional(z.number().check(z.positive())),
      meters,
      /** Absent: every tenant, under its own name. */
      customers: z.optional(customersOf(z.string().check(z.minLength(1)))),
    }),
  ),
})

/**
 * What is reported to whom, from a JSON file with a member for each sink.
 *
 * @throws ServiceError `configuration_invalid`, naming the place
 */
export function readExports(file: string, secrets: ExportSecrets): Export[] {
  const settings = parse(file)
  const exports: Export[] = []
  if (settings.stripe) {
    const apiKey = required(secrets.stripeApiKey, 'Stripe needs its API key.')
    const sink = createStripeSink({ apiKey, baseUrl: secrets.stripeBaseUrl })
    exports.push({ sink, ...audience(settings.stripe) })
  }
  if (settings.marketplace) {
    const { region, productCode, customers } = settings.marketplace
    if (!productCode && Object.values(customers).some(({ id }) => !id.includes(' '))) {
      throw invalid('A marketplace customer without a license needs the product code.')
    }
    const { awsCredentials: credentials, marketplaceEndpoint: endpoint } = secrets
    const sink = createMarketplaceSink({ region, productCode, credentials, endpoint })
    exports.push({ sink, ...audience(settings.marketplace) })
  }
  if (settings.cloudEvents) {
    const { url, source, dedupeHours = Number.POSITIVE_INFINITY } = settings.cloudEvents
    const secret = required(secrets.eventsSecret, 'CloudEvents need the secret that signs them.')
    const sink = createCloudEventsSink({
      url,
      source,
      secret,
      dedupeWindowMs: dedupeHours * hourMs,
    })
    exports.push({ sink, ...audience(settings.cloudEvents) })
  }
  return exports
}

function audience(settings: {
  readonly meters: Readonly<Record<string, Measure>>
  readonly customers?: Readonly<Record<string, Customer>> | undefined
}): Omit<Export, 'sink'> {
  const { customers } = settings
  const customerOf = customers
    ? (tenant: string) => (Object.hasOwn(customers, tenant) ? customers[tenant] : undefined)
    : (tenant: string) => ({ id: tenant })
  const listed = Object.entries(settings.meters)
  return { customerOf, meters: listed.map(([name, measure]): Meter => ({ name, measure })) }
}

function parse(file: string): z.infer<typeof schema> {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw invalid(`${file} cannot be read.`, cause)
  }
  const parsed = schema.safeParse(content)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys : []
    return `${[...issue.path, ...unknown].join('.')}: ${issue.message}`
  })
  throw invalid(`${file}: ${problems.join('; ')}`)
}

function required(secret: string | undefined, detail: string): string {
  if (secret) return secret
  throw invalid(detail)
}

const invalid = (detail: string, cause?: unknown) =>
  new ServiceError('configuration_invalid', { detail, cause })
