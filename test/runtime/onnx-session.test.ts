import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { expect, onTestFinished, test } from 'vitest'
import { createOnnxSession, warmRuntime } from '#shared/runtime/onnx-session.ts'
import type { Session } from '#shared/runtime/session.ts'
import type { Tensor } from '#shared/runtime/tensor.ts'
import { identityOnnx, writeOnnx } from '#test/support/onnx-writer.ts'
import { refusal } from '#test/support/refusal.ts'

const iris = () => new Uint8Array(readFileSync('models/iris/model.int8.onnx'))
const setosa: Tensor = {
  datatype: 'FP32',
  shape: [1, 4],
  data: Float32Array.of(5.1, 3.5, 1.4, 0.2),
}

async function open(
  bytes: Uint8Array<ArrayBuffer>,
  format: 'onnx' | 'ort' = 'onnx',
): Promise<Session> {
  const session = await createOnnxSession(bytes, { threads: 1, format })
  onTestFinished(() => session.close())
  return session
}

const values: readonly Tensor[] = [
  { datatype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
  { datatype: 'UINT8', shape: [2], data: Uint8Array.of(0, 255) },
  { datatype: 'UINT16', shape: [2], data: Uint16Array.of(0, 65_535) },
  { datatype: 'UINT32', shape: [2], data: Uint32Array.of(0, 4_294_967_295) },
  { datatype: 'UINT64', shape: [2], data: BigUint64Array.of(0n, 2n ** 64n - 1n) },
  { datatype: 'INT8', shape: [2], data: Int8Array.of(-128, 127) },
  { datatype: 'INT16', shape: [2], data: Int16Array.of(-32_768, 32_767) },
  { datatype: 'INT32', shape: [2], data: Int32Array.of(-2_147_483_648, 2_147_483_647) },
  { datatype: 'INT64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n) },
  { datatype: 'FP16', shape: [3], data: Float16Array.of(1.5, -65_504, 0.0999755859375) },
  { datatype: 'FP32', shape: [2], data: Float32Array.of(0.1, -3.4e38) },
  { datatype: 'FP64', shape: [2], data: Float64Array.of(0.1, 1e300) },
  { datatype: 'BYTES', shape: [3], data: ['', 'héllo 🎉', '"\\\n'] },
]

test.each(values)('takes and gives $datatype unchanged', async (tensor) => {
  const session = await open(identityOnnx(tensor.datatype))
  expect(session.inputNames).toStrictEqual(['x'])
  expect(session.outputNames).toStrictEqual(['y'])
  const { y } = await session.run({ x: tensor })
  expect(y?.datatype).toBe(tensor.datatype)
  expect(y?.shape).toStrictEqual(tensor.shape)
  expect(y?.data.constructor).toBe(tensor.data.constructor)
  expect(Array.from<unknown>(y?.data ?? [])).toStrictEqual(Array.from<unknown>(tensor.data))
})

test('takes a tensor without rows and one without dimensions', async () => {
  const vector = await open(identityOnnx('FP32'))
  const none: Tensor = { datatype: 'FP32', shape: [0], data: new Float32Array() }
  expect((await vector.run({ x: none })).y).toMatchObject({ shape: [0] })
  const scalar = await open(identityOnnx('FP32', []))
  const seven: Tensor = { datatype: 'FP32', shape: [], data: Float32Array.of(7) }
  expect((await scalar.run({ x: seven })).y).toStrictEqual(seven)
})

test('refuses a model with a datatype that the protocol does not have', async () => {
  await expect(open(identityOnnx('BF16'))).rejects.toEqual(refusal('model_invalid'))
})

test('computes only the outputs that are asked for, in that order', async () => {
  const session = await open(iris())
  const all = await session.run({ features: setosa })
  expect(Object.keys(all)).toStrictEqual(['label', 'probabilities'])
  const one = await session.run({ features: setosa }, ['probabilities'])
  expect(Object.keys(one)).toStrictEqual(['probabilities'])
  const turned = await session.run({ features: setosa }, ['probabilities', 'label'])
  expect(Object.keys(turned)).toStrictEqual(['probabilities', 'label'])
})

test('says that the input is at fault where the model fails on it, and goes on', async () => {
  const session = await open(iris())
  const wide: Tensor = { datatype: 'FP32', shape: [1, 9], data: new Float32Array(9) }
  const whole: Tensor = { datatype: 'INT64', shape: [1, 4], data: new BigInt64Array(4) }
  await expect(session.run({ features: wide })).rejects.toEqual(refusal('inference_failed'))
  await expect(session.run({ features: whole })).rejects.toEqual(refusal('inference_failed'))
  await expect(session.run({})).rejects.toEqual(refusal('inference_failed'))
  expect((await session.run({ features: setosa })).label?.data).toStrictEqual(BigInt64Array.of(0n))
})

test('refuses what is no model', async () => {
  for (const bytes of [
    new Uint8Array(),
    new Uint8Array(1_000),
    new TextEncoder().encode('<html><body>404 Not Found</body></html>'),
    iris().slice(0, 3_000),
  ]) {
    await expect(open(bytes)).rejects.toEqual(refusal('model_invalid'))
    await expect(open(bytes, 'ort')).rejects.toEqual(refusal('model_invalid'))
  }
})

test('tells an opset and an operator that the runtime does not have from a damaged file', async () => {
  const x = { name: 'x', datatype: 'FP32', shape: [1] } as const
  const y = { ...x, name: 'y' }
  const nodes = [{ operator: 'Identity', inputs: ['x'], outputs: ['y'] }]
  const future = writeOnnx({ nodes, inputs: [x], outputs: [y], opset: 999 })
  await expect(open(future)).rejects.toEqual(refusal('model_opset_unsupported'))
  const invented = [{ operator: 'Guess', inputs: ['x'], outputs: ['y'] }]
  const foreign = writeOnnx({ nodes: invented, inputs: [x], outputs: [y] })
  await expect(open(foreign)).rejects.toEqual(refusal('model_opset_unsupported'))
})

test('keeps what the runtime said as the cause, never as the public words', async () => {
  const thrown = await open(new Uint8Array(10)).catch((error: unknown) => error)
  expect(thrown).toMatchObject({ detail: undefined, cause: expect.any(Error) })
})

test('closes once, however often it is told to, and then refuses to run', async () => {
  const session = await open(iris())
  await session.close()
  await session.close()
  await expect(session.run({ features: setosa })).rejects.toEqual(refusal('inference_failed'))
})

test('runs an .ort file in place, with the same answer to the last bit', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'percall-ort-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'model.ort')
  const native = await InferenceSession.create(iris(), {
    graphOptimizationLevel: 'all',
    optimizedModelFilePath: file,
    logSeverityLevel: 3,
    extra: { session: { save_model_format: 'ORT' } },
  })
  await native.release()
  const bytes = new Uint8Array(readFileSync(file))
  const [onnx, ort] = await Promise.all([open(iris()), open(bytes, 'ort')])
  const expected = await onnx.run({ features: setosa })
  // Nothing but the session holds the bytes that it runs on; a collected buffer would show here.
  for (let round = 0; round < 20; round += 1) {
    new Uint8Array(4_000_000).fill(round)
    expect(await ort.run({ features: setosa })).toStrictEqual(expected)
  }
})

test('warms the runtime more than once without harm', async () => {
  await warmRuntime()
  await warmRuntime()
})
