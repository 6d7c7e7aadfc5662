import * as z from 'zod/mini'
import { ServiceError } from '#shared/errors/service-error.ts'

/** zod/mini has no sentences of its own. */
const integer = (minimum: number, maximum: number) => {
  const error = `must be a whole number from ${minimum} to ${maximum}`
  const checks = [z.int(error), z.minimum(minimum, error), z.maximum(maximum, error)] as const
  return z.coerce.number(error).check(...checks)
}
const text = z.optional(z.string())
const secret = (length: number) =>
  z.optional(z.string().check(z.minLength(length, `must have ${length} characters at least`)))
const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** Every variable that percall reads. One it does not know is none of its business. */
const variables = z.object({
  PORT: z._default(integer(0, 65_535), 8080),
  HOST: z._default(z.string(), '127.0.0.1'),
  /** Where one machine keeps its data: artifacts, cache, keys. */
  PERCALL_HOME: z._default(z.string(), '.percall'),
  /** The folder of model folders. */
  PERCALL_MODELS: text,
  /** `s3://bucket/prefix`, or a directory; default `$PERCALL_HOME/artifacts`. */
  PERCALL_ARTIFACTS: text,
  /** `dynamodb:TABLE`, or a SQLite file; default `$PERCALL_HOME/keys.sqlite`. */
  PERCALL_KEYS: text,
  /** `dynamodb:TABLE`, or a SQLite file; default `$PERCALL_HOME/ledger.sqlite`. */
  PERCALL_LEDGER: text,
  /**
   * `sqs:URL`: where functions keep what they sell on trust while the ledger does not answer; nothing is
   * sold then where absent. A host has a file of its own.
   */
  PERCALL_SALE_OUTBOX: text,
  /** `s3://bucket` for large answers, where the ledger is a DynamoDB table. */
  PERCALL_ANSWERS: text,
  /** The price book; default `price-book.json` in the folder of model folders. */
  PERCALL_PRICES: text,
  /** What is reported to which sinks (shared/exporters/README.md); nothing where absent. */
  PERCALL_EXPORTS: text,
  /** `dynamodb:TABLE`, or a SQLite file; default `$PERCALL_HOME/exports.sqlite`. */
  PERCALL_OUTBOX: text,
  /** Inputs, parts and outputs of batches: `s3://bucket`, or a directory; default `$PERCALL_HOME/batch`. */
  PERCALL_BATCH: text,
  /** `dynamodb:TABLE`, or a SQLite file; default `$PERCALL_HOME/batch.sqlite`. */
  PERCALL_JOBS: text,
  /**
   * `sqs:URL`, where the queues' URLs are URL + `plan`, `score`, `publish`, each with `-dead` for what was
   * given up on; or a SQLite file; default that of the jobs.
   */
  PERCALL_QUEUES: text,
  /** Calls that were put off: `dynamodb:TABLE`, or a SQLite file; default `$PERCALL_HOME/jobs.sqlite`. */
  PERCALL_CALLS: text,
  /** Calls that were put off (not of heavy models) that functions run at a time, at most. */
  PERCALL_JOB_CONCURRENCY: z.optional(integer(1, 1_000)),
  /** `local`: webhooks may go to this machine, too, without TLS and to any port. For development. */
  PERCALL_WEBHOOKS: z._default(z.enum(['public', 'local'], 'must be public or local'), 'public'),
  /** How many days one machine keeps what its batch jobs were put together of, once they have ended. */
  PERCALL_BATCH_DAYS: z._default(integer(1, 36_500), 90),
  /**
   * A process that scores batches makes room for a fresh one, between two chunks, once it holds so many
   * bytes; default three quarters of what it may hold.
   */
  PERCALL_SCORER_BYTES: z.optional(integer(1, Number.MAX_SAFE_INTEGER)),
  STRIPE_API_KEY: text,
  PERCALL_STRIPE_URL: text,
  /** Signs CloudEvents: `whsec_…`. */
  PERCALL_EVENTS_SECRET: text,
  AWS_ENDPOINT_URL_MARKETPLACE_METERING: text,
  /** Secret under which keys are hashed; one machine makes its own. */
  PERCALL_KEY_PEPPER: secret(32),
  /** The one before, while keys made with it still work (shared/access/README.md). */
  PERCALL_KEY_PEPPER_OLD: secret(32),
  /** A key that the local host accepts as it is. */
  PERCALL_DEV_KEY: secret(16),
  /** The key with which commands call a server. */
  PERCALL_API_KEY: text,
  PERCALL_JWT_ISSUER: text,
  PERCALL_JWT_AUDIENCE: text,
  PERCALL_JWT_TENANT_CLAIM: text,
  /** Largest request body in bytes, as sent and as inflated. */
  PERCALL_BODY_LIMIT: z._default(integer(1_024, 1_073_741_824), 6_000_000),
  /** Workers that run models on the local host; default one a CPU. */
  PERCALL_WORKERS: z.optional(integer(1, 64)),
  /** What they are. A process can be killed in the middle of a run; threads take less memory. */
  PERCALL_ISOLATION: z._default(
    z.enum(['process', 'thread'], 'must be one of process, thread'),
    'process',
  ),
  /** Bytes of model files that the local host keeps on disk. */
  PERCALL_CACHE_BYTES: z._default(integer(0, Number.MAX_SAFE_INTEGER), 10_000_000_000),
  PERCALL_LOG: z._default(z.enum(logLevels, `must be one of ${logLevels.join(', ')}`), 'info'),
  AWS_REGION: text,
  AWS_ACCESS_KEY_ID: text,
  AWS_SECRET_ACCESS_KEY: text,
  AWS_SESSION_TOKEN: text,
  /** For S3 and DynamoDB servers other than AWS's. */
  AWS_ENDPOINT_URL_S3: text,
  AWS_ENDPOINT_URL_DYNAMODB: text,
  AWS_ENDPOINT_URL_SQS: text,
  /** What a host does beside answering: all there is to do, or the jobs of heavy models alone. */
  PERCALL_WORK: z._default(z.enum(['all', 'heavy'], 'must be all or heavy'), 'all'),
  /** The model that SageMaker's doors serve, with or without `@version`, where there are several. */
  PERCALL_MODEL: text,
  /** Whose calls come through SageMaker's doors without a key: the platform has let them in. */
  PERCALL_INVOCATIONS_KEY: text,
  /** Of a container on SageMaker: its port, and the folder of its model (default `/opt/ml/model`). */
  SAGEMAKER_BIND_TO_PORT: z.optional(integer(1, 65_535)),
  SM_MODEL_DIR: text,
  /** Set where Lambda runs a container: its process takes events instead of listening. */
  AWS_LAMBDA_RUNTIME_API: text,
  AWS_LAMBDA_FUNCTION_NAME: text,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: z.optional(integer(128, 10_240)),
  LAMBDA_TASK_ROOT: text,
})

export type Environment = z.infer<typeof variables>

/**
 * The environment, parsed. Nothing else in the project reads `process.env`.
 * An empty variable counts as absent.
 * @throws ServiceError `configuration_invalid`, naming the variable
 */
export function readEnvironment(source: NodeJS.ProcessEnv = process.env): Environment {
  const present = Object.fromEntries(
    Object.keys(variables.shape).flatMap((name) => (source[name] ? [[name, source[name]]] : [])),
  )
  const parsed = variables.safeParse(present)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
  throw new ServiceError('configuration_invalid', { detail: problems.join('; ') })
}

/**
 * ONNX Runtime reports its use to its maker unless told otherwise, and spends 60 ms of the first
 * session on it. To be called in the main thread, before the runtime is loaded anywhere.
 */
export function silenceRuntimeTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1'
}

/**
 * Tells Lambda's runtime client, which reads them itself, where the handler of a container is, and to
 * take several events in one worker: every further one would load the models anew.
 */
export function directRuntimeClient(folder: string): void {
  process.env.LAMBDA_TASK_ROOT = folder
  process.env._HANDLER = 'handler.handler'
  process.env.AWS_LAMBDA_NODEJS_WORKER_COUNT ??= '1'
}

/** What Node itself needs to run. */
const harmless = [
  ...['PATH', 'LD_LIBRARY_PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'],
  ...['CUDA_VISIBLE_DEVICES', 'ORT_TENSORRT_ENGINE_CACHE_ENABLE', 'ORT_TENSORRT_CACHE_PATH'],
]

/** The environment of a process that runs models: no key, no secret, no address is in it. */
export function processEnvironment(source: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const kept = harmless.flatMap((name) => (source[name] ? [[name, source[name]]] : []))
  return { ...Object.fromEntries(kept), ORT_DISABLE_TELEMETRY: '1' }
}
