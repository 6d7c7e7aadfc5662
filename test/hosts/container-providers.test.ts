import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { container as image, startContainer } from './container-process.ts'

/** What a GPU is reached by. */
const accelerators = ['tensorrt', 'cuda']
const driverDevice = '/dev/nvidiactl'
const libraries = '/opt/cuda'
const runtime = '/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64'

const root = image && execFileSync('buildah', ['mount', image], { encoding: 'utf8' }).trim()
/** Whether the image was built with `--cuda`. */
const hasCuda = root !== undefined && existsSync(join(root, libraries, 'libcudart.so.13'))

/** A container of the model iris, whose manifest asks for a GPU first. */
async function startAccelerated() {
  const key = 'a-development-key-of-tests'
  const container = await startContainer({
    environment: {
      SM_MODEL_DIR: '{scratch}/model',
      PERCALL_DEV_KEY: key,
      PERCALL_INVOCATIONS_KEY: key,
      PERCALL_MODEL: 'iris',
    },
    async prepare(scratch) {
      const folder = join(scratch, 'model')
      cpSync('models/iris', folder, { recursive: true })
      const file = join(folder, 'manifest.json')
      const manifest = JSON.parse(readFileSync(file, 'utf8'))
      writeFileSync(file, JSON.stringify({ ...manifest, providers: [...accelerators, 'cpu'] }))
    },
  })
  onTestFinished(() => container.remove())
  const invoked = await fetch(`${container.url}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances: [[5.1, 3.5, 1.4, 0.2]] }),
  })
  expect([invoked.status, await invoked.json()], container.log()).toMatchObject([
    200,
    { predictions: [[{ label: 'setosa' }, {}, {}]] },
  ])
  const said = /"the model runs on (\w+)"[^\n]*/
  await expect.poll(() => container.log()).toMatch(said)
  const [line, provider] = said.exec(container.log()) ?? []
  return { line, provider }
}

describe('a model that asks for a GPU, in the container', () => {
  it('is served by the first provider that can be had, and why not by the others is told', async () => {
    const { line, provider } = await startAccelerated()
    const why = existsSync(driverDevice)
      ? '\\S'
      : '(libonnxruntime_providers_\\w+\\.so is not beside ONNX Runtime|there is no NVIDIA device)'
    for (const accelerator of accelerators) {
      if (accelerator === provider) return
      expect(line).toMatch(new RegExp(`not on ${accelerator}: ${why}`))
    }
    expect(provider).toBe('cpu')
  })
})

/** A driver of which nothing works, as an old one is seen by a newer CUDA. */
function makeDriver(): string {
  const folder = mkdtempSync(join(tmpdir(), 'percall-driver-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const library = join(folder, 'libcuda.so.1')
  const args = ['-shared', '-fPIC', '-Wl,-soname,libcuda.so.1', '-x', 'c', '-', '-o', library]
  execFileSync('cc', args, { input: 'int cuTensorMapEncodeTiled(void) { return 100; }' })
  return library
}

describe.runIf(hasCuda)('the image with CUDA', () => {
  it('has all that its libraries load, but the driver and TensorRT', () => {
    const script =
      'for file in "$@"; do LD_TRACE_LOADED_OBJECTS=1 /lib64/ld-linux-x86-64.so.2 "$file"; done'
    const files = execFileSync('find', [join(root ?? '', libraries), '-type', 'f'], {
      encoding: 'utf8',
    })
    const asked = [
      ...files
        .trim()
        .split('\n')
        .map((file) => file.slice((root ?? '').length)),
      ...['cuda', 'tensorrt'].map((name) => join(runtime, `libonnxruntime_providers_${name}.so`)),
    ]
    const listed = execFileSync(
      'buildah',
      ['run', image ?? '', '--', 'sh', '-c', script, 'list', ...asked],
      { encoding: 'utf8' },
    )
    const missing = listed.matchAll(/(\S+) => not found/g).map(([, name]) => name)
    expect([...new Set(missing)].sort()).toEqual([
      'libcuda.so.1',
      'libnvinfer.so.10',
      'libnvonnxparser.so.10',
    ])
    expect(listed).toMatch(/libcublasLt\.so\.13 => \/opt\/cuda/)
  })

  it('loads the CUDA provider into its own ONNX Runtime, as far as a driver goes', () => {
    const driver = makeDriver()
    const args = [
      ...['--volume', `${driver}:/opt/driver/libcuda.so.1:ro`],
      ...['--env', `LD_LIBRARY_PATH=${libraries}:/opt/driver`],
      ...[image ?? '', '--', '/usr/local/bin/node', '--input-type=module', '-e', tryProviders],
    ]
    const [cuda, tensorrt, cpu] = JSON.parse(
      execFileSync('buildah', ['run', ...args], { encoding: 'utf8', stdio: 'pipe' }),
    )
    // The sentence is CUDA's own: the provider was loaded, and has asked for its device.
    expect(cuda).toMatch(/^CUDA failure \d+: CUDA driver version is insufficient/)
    expect(tensorrt).toMatch(/^libnvinfer\.so\.10: cannot open shared object file/)
    expect(cpu).toBe('runs')
  })
})

const tryProviders = `
import { readFileSync } from 'node:fs'
import { InferenceSession } from 'onnxruntime-node'
import { whyFailed } from '#shared/runtime/execution-provider.ts'

const bytes = readFileSync('models/iris/model.int8.onnx')
const said = []
for (const provider of ['cuda', 'tensorrt', 'cpu']) {
  const created = InferenceSession.create(bytes, { executionProviders: [provider] })
  said.push(await created.then(() => 'runs', (error) => whyFailed(provider, error)))
}
console.log(JSON.stringify(said))
`
