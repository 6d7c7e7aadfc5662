import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Provider } from './session.ts'

export interface ProviderPlaces {
  /** Where ONNX Runtime lies, which looks for its providers beside itself. */
  readonly folder?: string
  /** What the driver of the devices makes. */
  readonly device?: string
}

/**
 * Why a provider cannot be had on this machine, as far as that can be seen without it; `undefined`
 * where it may work. ONNX Runtime itself would only say that a library did not load.
 */
export function whyMissing(
  provider: Provider,
  { folder = runtimeFolder(), device = '/dev/nvidiactl' }: ProviderPlaces = {},
): string | undefined {
  if (provider === 'cpu') return undefined
  const missing = librariesOf(provider).find((name) => !existsSync(join(folder, name)))
  if (missing !== undefined) return `${missing} is not beside ONNX Runtime`
  return existsSync(device) ? undefined : `there is no NVIDIA device (${device})`
}

/**
 * Why a provider that is there has failed: what its library misses, such as another version of CUDA,
 * else the words of ONNX Runtime. Takes 50 ms: the library is loaded by a process of its own, since
 * one that was loaded before ONNX Runtime asks for it crashes later.
 */
export function whyFailed(
  provider: Provider,
  cause: unknown,
  { folder = runtimeFolder() }: ProviderPlaces = {},
): string {
  const library = join(folder, librariesOf(provider).at(-1) ?? '')
  try {
    execFileSync(process.execPath, ['-e', tryLibrary, library], { encoding: 'utf8', stdio: 'pipe' })
  } catch (thrown) {
    const { stderr = '' } = thrown as { stderr?: string }
    if (stderr !== '') return stderr.trim()
  }
  const message = String((cause as Error | undefined)?.message ?? cause)
  // The sentence of NVIDIA's libraries stands between names of templates and files.
  return /\w+ failure \d+: [^;]*[^\s;]/.exec(message)?.[0] ?? message
}

/**
 * A library that loads is no addon of Node, which is the error that is expected; or all that it needs
 * has been found but ONNX Runtime itself, which is not there.
 */
const tryLibrary = `
try {
  process.dlopen({ exports: {} }, process.argv[1])
} catch ({ message }) {
  if (/self-register|undefined symbol: Provider_GetHost/.test(message)) process.exit(0)
  process.stderr.write(message)
  process.exit(1)
}`

const librariesOf = (provider: Provider): string[] => [
  'libonnxruntime_providers_shared.so',
  `libonnxruntime_providers_${provider}.so`,
]

function runtimeFolder(): string {
  const { resolve } = createRequire(import.meta.url)
  const main = resolve('onnxruntime-node')
  return join(dirname(dirname(main)), 'bin/napi-v6', process.platform, process.arch)
}
