import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { whyFailed, whyMissing } from '#shared/runtime/execution-provider.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { refusal } from '#test/support/refusal.ts'

const iris = () => new Uint8Array(readFileSync('models/iris/model.int8.onnx'))
const all = ['tensorrt', 'cuda', 'cpu'] as const

function folderWith(...names: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'percall-providers-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of names) writeFileSync(join(folder, name), 'not a library')
  return folder
}
const shared = 'libonnxruntime_providers_shared.so'
const cuda = 'libonnxruntime_providers_cuda.so'
const device = '/dev/null'

test('the CPU can always be had', () => {
  expect(whyMissing('cpu', { folder: folderWith(), device: '/nowhere' })).toBeUndefined()
})

test('a provider is missed by the name of its library, then by its device', () => {
  expect(whyMissing('cuda', { folder: folderWith(), device })).toMatch(shared)
  expect(whyMissing('cuda', { folder: folderWith(shared), device })).toMatch(cuda)
  const folder = folderWith(shared, cuda)
  expect(whyMissing('tensorrt', { folder, device })).toMatch('libonnxruntime_providers_tensorrt.so')
  expect(whyMissing('cuda', { folder, device: '/nowhere' })).toBe(
    'there is no NVIDIA device (/nowhere)',
  )
  expect(whyMissing('cuda', { folder, device })).toBeUndefined()
})

test('a library that does not load says why itself', () => {
  const reason = whyFailed('cuda', new Error('it failed'), { folder: folderWith(shared, cuda) })
  expect(reason).toMatch(/libonnxruntime_providers_cuda\.so: .*(too short|invalid ELF)/)
})

test('where the library loads, the words of ONNX Runtime are the reason', () => {
  const folder = folderWith()
  // A library that loads, and is no addon.
  writeFileSync(join(folder, cuda), readFileSync(sharedLibrary()))
  expect(whyFailed('cuda', new Error('driver is too old'), { folder })).toBe('driver is too old')
  // As ONNX Runtime 1.30 words it, without the rest of its templates.
  const wordy =
    'cuda_call.cc:154 Status> onnxruntime::CudaCall(ERRTYPE, int) [with THRW = true; ERRTYPE = cudaError] ' +
    'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; ' +
    'file=cuda_execution_provider.cc ; line=352 ; expr=cudaSetDevice(info_.device_id); '
  expect(whyFailed('cuda', new Error(wordy), { folder })).toBe(
    'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version',
  )
})

const hasCompiler = spawnSync('cc', ['--version']).status === 0

test.skipIf(!hasCompiler)('a library that misses ONNX Runtime alone has loaded', () => {
  const folder = folderWith()
  const args = ['-shared', '-fPIC', '-Wl,-z,now', '-x', 'c', '-', '-o', join(folder, cuda)]
  const input = 'void *Provider_GetHost(void); void *host(void) { return Provider_GetHost(); }'
  execFileSync('cc', args, { input })
  expect(whyFailed('cuda', new Error('no device'), { folder })).toBe('no device')
})

/** Any that this process has loaded. */
function sharedLibrary(): string {
  const [path] =
    /\/\S+\/libm\.so\.6|\/\S+\/libm-\S+\.so/.exec(readFileSync('/proc/self/maps', 'utf8')) ?? []
  if (path === undefined) throw new Error('this process has no library for mathematics')
  return path
}

test('what cannot be had is declined with its reason, and the model runs on what can', async () => {
  const session = await createOnnxSession(iris(), { threads: 1, format: 'onnx', providers: all })
  onTestFinished(() => session.close())
  const tried = [...session.declined.map(({ provider }) => provider), session.provider]
  expect(tried).toEqual(all.slice(0, tried.length))
  for (const { provider } of session.declined) {
    const missing = whyMissing(provider)
    if (missing !== undefined)
      expect(session.declined).toContainEqual({ provider, reason: missing })
  }
  const { label } = await session.run({
    features: { datatype: 'FP32', shape: [1, 4], data: Float32Array.of(5.1, 3.5, 1.4, 0.2) },
  })
  expect(label?.data).toEqual(BigInt64Array.of(0n))
})

test('nothing is tried behind the CPU, or without a word of the manifest', async () => {
  for (const providers of [undefined, ['cpu'], ['cpu', 'cuda']] as const) {
    const session = await createOnnxSession(iris(), {
      threads: 1,
      format: 'onnx',
      ...(providers && { providers }),
    })
    expect([session.provider, session.declined]).toEqual(['cpu', []])
    await session.close()
  }
})

test('a model that is none is told as such, whatever was tried before', async () => {
  const asked = { threads: 1, format: 'onnx', providers: all } as const
  await expect(createOnnxSession(new Uint8Array(100), asked)).rejects.toEqual(
    refusal('model_invalid'),
  )
})
