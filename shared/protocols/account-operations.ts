import type { AccountAction } from './routes.ts'

type Json = Readonly<Record<string, unknown>>

/** What the OpenAPI document says of a route. */
export interface Operation {
  readonly summary: string
  readonly answer: Json
  readonly body?: Json
  /** Default: JSON. */
  readonly bodyMedia?: string
  /** Schemas by the names of the query's parameters, none of them required. */
  readonly query?: Json
  readonly media?: string
  readonly status?: number
}

const text: Json = { type: 'string' }
const whole: Json = { type: 'integer', minimum: 0 }
const micros: Json = { ...whole, description: 'Millionths of the currency unit.' }
const currency: Json = { ...text, description: 'ISO 4217.' }
const moment: Json = { ...text, description: 'A day, or a moment with its zone (ISO 8601).' }
const texts: Json = { type: 'array', items: text, minItems: 1 }
const addresses: Json = { ...texts, description: 'Addresses or CIDR ranges, IPv4 and IPv6.' }
const flag: Json = { type: 'boolean' }
/** Whose, where an administrator asks; else the caller's own. */
const tenant: Json = { ...text, description: 'For administrators; default the own one.' }

const object = (required: readonly string[], properties: Json = {}): Json => ({
  type: 'object',
  required,
  ...(Object.keys(properties).length > 0 && { properties, additionalProperties: false }),
})
const listOf = (...required: readonly string[]): Json => ({
  type: 'object',
  required: ['data'],
  properties: { data: { type: 'array', items: object(required) } },
})

const limits = object([], {
  monthly_spend_micros: micros,
  daily_calls: whole,
  concurrency: whole,
  rate: object(['per_minute', 'burst'], { per_minute: whole, burst: whole }),
})
const key = object(['id', 'name', 'mode', 'scopes', 'last_four', 'created_at'])
const keyWithText = object(['key', 'id', 'name', 'mode', 'scopes'])
const account = object(['tenant', 'currency', 'mode', 'available_micros', 'held_micros'])
const entryNames = ['id', 'type', 'amount_micros', 'currency', 'created_at']
const range = { from: moment, to: moment }
const report = {
  ...range,
  bucket: { enum: ['1m', '1h', '1d'] },
  group_by: { ...text, description: 'Any of model, key, project and status, joined by commas.' },
}
const pages = {
  ...range,
  type: { ...text, description: 'Types of entries, joined by commas.' },
  cursor: { ...text, description: 'next_cursor of the page before.' },
}

export const accountOperations: Readonly<Record<AccountAction, Operation>> = {
  price: {
    summary: 'What a model costs now.',
    query: { model: text },
    answer: object(['model', 'price_id', 'currency', 'rates']),
  },
  estimate: {
    summary:
      'What a call would cost: the same as its charge. With ?model= the body is the call itself, in any form that the model takes.',
    query: { model: { ...text, description: 'Then the body is the call itself.' } },
    body: object([], {
      model: text,
      inputs: { description: 'As in the call itself.' },
      parameters: { type: 'object' },
      units: object([], {
        calls: whole,
        rows: whole,
        input_bytes: whole,
        pixels: whole,
        input_tokens: whole,
        output_tokens: whole,
        compute_ms: whole,
      }),
    }),
    answer: object(['model', 'price_id', 'currency', 'units', 'amount_micros']),
  },
  keys: {
    summary: 'The API keys, without their texts.',
    query: { tenant },
    answer: listOf('id', 'name', 'scopes'),
  },
  'create-key': {
    summary: 'Make an API key. Its text is in this answer and nowhere else.',
    body: object(['name'], {
      tenant,
      name: text,
      scopes: texts,
      mode: { enum: ['live', 'test'] },
      expires_in_days: whole,
      project: text,
      limits,
      models: texts,
      allowed_ips: addresses,
    }),
    answer: keyWithText,
    status: 201,
  },
  key: { summary: 'One API key.', query: { tenant }, answer: key },
  'change-key': {
    summary: 'Replace the limits, models or addresses of a key; null takes them away.',
    body: object([], {
      tenant,
      limits: { anyOf: [limits, { type: 'null' }] },
      models: { anyOf: [texts, { type: 'null' }] },
      allowed_ips: { anyOf: [addresses, { type: 'null' }] },
    }),
    answer: key,
  },
  'revoke-key': {
    summary: 'End a key for ever, everywhere within 10 seconds.',
    query: { tenant },
    answer: key,
  },
  'rotate-key': {
    summary: 'Make a key with the same rights and counters; the old one works on for the overlap.',
    body: object([], { tenant, overlap_seconds: whole }),
    answer: keyWithText,
    status: 201,
  },
  account: { summary: 'Balance, mode and limits.', query: { tenant }, answer: account },
  'open-account': {
    summary: 'Open an account, or change its mode and limits.',
    body: object(['currency', 'mode'], {
      tenant,
      currency,
      mode: { enum: ['prepaid', 'postpaid'] },
      limits,
      projects: { type: 'object', additionalProperties: limits },
      trusted: {
        ...flag,
        description:
          'Served while the ledger is down, if postpaid and without caps; default as it was.',
      },
      metering: {
        enum: ['strict', 'single-write', 'leased'],
        description: 'How many writes a call is worth; default as it was.',
      },
      shards: {
        type: 'integer',
        minimum: 1,
        maximum: 64,
        description:
          'Items over which DynamoDB spreads the balance, for more calls a second; default as it was.',
      },
    }),
    answer: account,
  },
  credits: {
    summary: 'The balance, and where its credit came from.',
    query: { tenant },
    answer: listOf('id', 'amount_micros', 'left_micros'),
  },
  'add-credit': {
    summary: 'Credit a payment, once however often it is told of.',
    body: object(['payment_id', 'amount_micros', 'currency'], {
      tenant,
      payment_id: text,
      amount_micros: micros,
      currency,
      expires_at: { anyOf: [moment, { type: 'null' }] },
    }),
    answer: object([...entryNames, 'account']),
    status: 201,
  },
  refund: {
    summary: 'Give back a charge or a part of it, once however often it is asked for.',
    body: object(['refund_id', 'charge_id', 'amount_micros'], {
      tenant,
      refund_id: text,
      charge_id: text,
      amount_micros: micros,
    }),
    answer: object([...entryNames, 'account']),
    status: 201,
  },
  usage: {
    summary: 'Calls by time, with the alerts of caps.',
    query: report,
    answer: listOf('start', 'calls', 'amount_micros'),
  },
  costs: {
    summary: 'Charges minus refunds, by time.',
    query: report,
    answer: listOf('start', 'amount_micros'),
  },
  ledger: {
    summary: 'Every entry, in order of time.',
    query: { ...pages, limit: { type: 'integer', minimum: 1, maximum: 1_000 } },
    answer: {
      type: 'object',
      required: ['data', 'next_cursor'],
      properties: { data: { type: 'array', items: object(entryNames) } },
    },
  },
  'export-ledger': {
    summary:
      'The ledger as a file, as Accept or format says: CSV, JSONL or Parquet. The Link header leads to what is appended to it; of Parquet, to the next file.',
    query: { ...pages, format: { enum: ['csv', 'jsonl', 'parquet'] } },
    answer: text,
    media: 'text/csv',
  },
  invoices: { summary: 'The months that have an invoice.', answer: listOf('month', 'closed') },
  invoice: {
    summary: 'The invoice of a month, as Accept or format says: JSON, CSV or HTML.',
    query: { format: { enum: ['csv', 'json', 'html'] } },
    answer: object(['month', 'closed', 'due_micros', 'head', 'entries']),
  },
}
