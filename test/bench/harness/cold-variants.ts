import { join, resolve } from 'node:path'
import { httpApiEvent } from '#test/lambda/http-api.ts'
import type { Transformer } from '../models/make-transformer.ts'
import { bundleProcess } from './bundle-process.ts'
import { functionEnvironment } from './function-environment.ts'
import { makeKey } from './make-key.ts'
import { runNode } from './node-process.ts'
import { unpackFunction } from './unpack-function.ts'

/** When things happened in a function's process, on the clock of the machine. */
export interface FunctionTimes {
  readonly startedAt: number
  readonly bootedAt: number
  readonly requestedAt: number
  readonly lastByteAt: number
  readonly loadedAt: number
  readonly answeredAt: number
  readonly score: number
}

/** How long each part took by itself, in milliseconds. */
export interface Floors {
  readonly download: number
  readonly import: number
  readonly warm: number
  readonly create: number
  readonly run: number
  readonly score: number
}

/** The processes that a cold start is compared by. Each call of one is a sample of its own. */
export async function coldVariants({ entries, modelFolders }: Transformer, endpoint: string) {
  const { sample } = entries.onnx
  const input = JSON.stringify((sample.inputs as number[][])[0])
  const empty = await bundleProcess('empty')
  const floors = await bundleProcess('floors')
  const naive = await bundleProcess('naive')
  const caller = await bundleProcess('caller')
  const handlerFile = resolve(import.meta.dirname, '../processes/handler.ts')
  const { key, environment } = await makeKey()
  const event = httpApiEvent(
    {
      method: 'POST',
      path: '/v1/models/transformer/predict',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify(sample),
    },
    'POST /v1/models/transformer/predict',
  )
  const url = (format: 'onnx' | 'ort') =>
    `${endpoint}/models/${entries[format].manifest.artifact.key}`

  const floorsOf = (format: 'onnx' | 'ort') => () => {
    const { bytes } = entries[format].manifest.artifact
    return runNode<Floors>({ file: floors, args: [url(format), `${bytes}`, format, input] })
  }
  const functionOf = async (format: 'onnx' | 'ort') => {
    const folder = { name: 'transformer', model: 'transformer', handlerFile }
    const taskRoot = await unpackFunction(`transformer-${format}`, folder, modelFolders[format])
    const { memoryMB } = entries[format].manifest.function
    return () =>
      runNode<FunctionTimes>({
        file: caller,
        args: [join(taskRoot, 'handler.mjs'), JSON.stringify(event)],
        environment: { ...environment, ...functionEnvironment(taskRoot, endpoint, memoryMB) },
      })
  }
  return {
    empty: () => runNode<{ bootedAt: number }>({ file: empty }),
    floorsOnnx: floorsOf('onnx'),
    floorsOrt: floorsOf('ort'),
    functionOnnx: await functionOf('onnx'),
    functionOrt: await functionOf('ort'),
    naive: () =>
      runNode<{ answeredAt: number; score: number }>({ file: naive, args: [url('onnx'), input] }),
  }
}
