import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { CreateSession, Provider, Session, SessionOptions } from './session.ts'
import type { Datatype, Tensor, TensorData, Tensors } from './tensor.ts'

/** The only file that knows onnxruntime-node. It is imported on first use: bytes travel meanwhile. */
const runtime = () => import('onnxruntime-node')

const ortTypes = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
} as const satisfies Record<Datatype, string>

const datatypeOf = new Map<string, Datatype>(
  Object.entries(ortTypes).map(([datatype, type]) => [type, datatype as Datatype]),
)

/** One node, 73 bytes: `y = Identity(x)`. */
const identityModel =
  'CAgSA2xhYjo6ChAKAXgSAXkiCElkZW50aXR5EgJpZFoQCgF4EgsKCQgBEgUKAxIBbmIQCgF5EgsKCQgBEgUKAxIBbkIECgAQEQ=='

/**
 * Pays what the first session of a process costs whatever the model (20-30 ms): called while a
 * model file is still on its way.
 */
export async function warmRuntime(): Promise<void> {
  const { InferenceSession } = await runtime()
  const session = await InferenceSession.create(Buffer.from(identityModel, 'base64'), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  await session.release()
}

/**
 * A session of onnxruntime-node, on the first of the providers that can be had. Its `run` blocks the
 * thread that calls it.
 *
 * An `.ort` file is used in place: it was optimised when it was made, and copying its weights again
 * would double the memory. ONNX Runtime then keeps no reference of its own to the bytes, so the
 * session holds them until it is closed.
 */
export const createOnnxSession: CreateSession = async (bytes, options) => {
  const { Tensor } = await runtime()
  const { native, provider, declined } = await openNative(bytes, options)
  const inPlace = options.format === 'ort'
  let closed = false

  const toNative = ({ datatype, data, shape }: Tensor): OrtTensor => {
    const tensor = new Tensor(ortTypes[datatype], data as Float32Array, shape)
    // The addon (1.30) reads FP16 from a Uint16Array alone, which `Tensor` turns into a Float16Array.
    return data instanceof Float16Array ? Object.assign(tensor, { cpuData: bitsOf(data) }) : tensor
  }

  const allToNative = (tensors: Tensors): Record<string, OrtTensor> => {
    const natives: Record<string, OrtTensor> = {}
    for (const name in tensors) natives[name] = toNative(tensors[name] as Tensor)
    return natives
  }

  const session: Session & { pinnedBytes: Uint8Array | undefined } = {
    pinnedBytes: inPlace ? bytes : undefined,
    provider,
    declined,
    inputNames: native.inputNames,
    outputNames: native.outputNames,
    async run(inputs, outputs = native.outputNames) {
      const results = await native
        .run(allToNative(inputs), outputs as string[])
        .catch((cause: unknown) => {
          throw runError(cause)
        })
      return fromNative(results, outputs)
    },
    async runInto(inputs, outputs) {
      await native.run(allToNative(inputs), allToNative(outputs)).catch((cause: unknown) => {
        throw runError(cause)
      })
    },
    async close() {
      if (closed) return
      closed = true
      await native.release()
      session.pinnedBytes = undefined
    },
  }
  return session
}

type Opened = Pick<Session, 'provider' | 'declined'> & { readonly native: InferenceSession }

/** Whatever keeps a provider from it, the CPU is asked last: what it says of the model counts. */
async function openNative(
  bytes: Uint8Array<ArrayBuffer>,
  options: SessionOptions,
): Promise<Opened> {
  const { providers = [], format } = options
  const declined: { provider: Provider; reason: string }[] = []
  for (const provider of providers) {
    if (provider === 'cpu') break
    // Most models never ask for one.
    const { whyMissing, whyFailed } = await import('./execution-provider.ts')
    const reason =
      format === 'ort' ? 'an .ort file was optimised for the CPU' : whyMissing(provider)
    if (reason !== undefined) {
      declined.push({ provider, reason })
      continue
    }
    try {
      return { native: await createNative(bytes, options, provider), provider, declined }
    } catch (cause) {
      declined.push({ provider, reason: whyFailed(provider, cause) })
    }
  }
  const native = await createNative(bytes, options, 'cpu').catch((cause: unknown) => {
    throw loadError(cause)
  })
  return { native, provider: 'cpu', declined }
}

async function createNative(
  bytes: Uint8Array<ArrayBuffer>,
  { threads, format, spinMicroseconds: spin }: SessionOptions,
  provider: Provider,
): Promise<InferenceSession> {
  const { InferenceSession } = await runtime()
  const inPlace = format === 'ort'
  return InferenceSession.create(bytes, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    graphOptimizationLevel: inPlace ? 'disabled' : 'all',
    extra: {
      session: {
        intra_op: spin
          ? { allow_spinning: '1', spin_duration_us: `${spin}` }
          : { allow_spinning: '0' },
        ...(inPlace && {
          use_ort_model_bytes_directly: '1',
          use_ort_model_bytes_for_initializers: '1',
          disable_prepacking: '1',
        }),
      },
    },
  })
}

const bitsOf = ({ buffer, byteOffset, length }: Float16Array) =>
  new Uint16Array(buffer, byteOffset, length)

function fromNative(results: InferenceSession.OnnxValueMapType, names: readonly string[]): Tensors {
  const tensors: Record<string, Tensor> = {}
  for (const name of names) {
    const value = results[name] as OrtTensor
    const datatype = datatypeOf.get(value.type)
    if (!datatype) {
      throw new ServiceError('inference_failed', { detail: `The output ${name} is not a tensor.` })
    }
    tensors[name] = { datatype, shape: value.dims, data: value.data as TensorData }
  }
  return tensors
}

/** The last one is what cuBLAS and cuDNN call it. */
const memoryFailure = /bad_alloc|failed to allocate|out of memory|bad array length|alloc\w*_failed/i
const opsetFailure =
  /opset|not a registered function|no op registered|NOT_IMPLEMENTED|IR version|could not find an implementation/i

function loadError(cause: unknown): ServiceError {
  const message = String(cause)
  if (memoryFailure.test(message)) return new ServiceError('out_of_memory', { cause })
  if (opsetFailure.test(message)) return new ServiceError('model_opset_unsupported', { cause })
  return new ServiceError('model_invalid', { cause })
}

function runError(cause: unknown): ServiceError {
  return new ServiceError(
    memoryFailure.test(String(cause)) ? 'out_of_memory' : 'inference_failed',
    {
      cause,
    },
  )
}
