import { clock } from '../harness/clock.ts'
import { tell } from '../harness/tell.ts'
import { rawDownload } from './raw-download.ts'

/** The parts of a cold start one after the other, each by itself as fast as it can be done. */
const [, , url = '', sizeBytes, format, input = ''] = process.argv
const identity =
  'CAgSA2xhYjo6ChAKAXgSAXkiCElkZW50aXR5EgJpZFoQCgF4EgsKCQgBEgUKAxIBbmIQCgF5EgsKCQgBEgUKAxIBbkIECgAQEQ=='

const at: Record<string, number> = {}
const timed = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
  const start = clock()
  const result = await work()
  at[name] = clock() - start
  return result
}

const bytes = await timed('download', () => rawDownload(new URL(url), Number(sizeBytes)))
const { InferenceSession, Tensor } = await timed('import', () => import('onnxruntime-node'))
const common = { intraOpNumThreads: 2, logSeverityLevel: 3 } as const
await timed('warm', () => InferenceSession.create(Buffer.from(identity, 'base64'), common))
const inPlace = {
  use_ort_model_bytes_directly: '1',
  use_ort_model_bytes_for_initializers: '1',
  disable_prepacking: '1',
}
const session = await timed('create', () =>
  InferenceSession.create(bytes, {
    ...common,
    graphOptimizationLevel: format === 'ort' ? 'disabled' : 'all',
    extra: { session: { intra_op: { allow_spinning: '0' }, ...(format === 'ort' && inPlace) } },
  }),
)
const row = Float32Array.from(JSON.parse(input))
const results = await timed('run', () =>
  session.run({ tokens: new Tensor('float32', row, [1, row.length]) }),
)
tell({ ...at, score: results.scores?.data[1] })
process.exit()
