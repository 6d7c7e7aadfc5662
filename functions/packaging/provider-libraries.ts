import { globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from './function-folder.ts'
import type { ImageTools } from './image-tools.ts'

/**
 * The packages whose libraries ONNX Runtime's CUDA provider loads, by version of CUDA: all but the
 * driver's own (`libcuda.so.1`), which the platform puts into the container, and cuFFT, which only
 * Fourier transforms ask for. TensorRT is not among them; a base image that brings it serves it, too.
 *
 * Of the release that the provider was built with: later ones may compile kernels (NVRTC) that the
 * first drivers of the same CUDA cannot run.
 */
const cudaPackages = {
  '13': [
    'nvidia-cuda-runtime==13.0.96',
    'nvidia-cuda-nvrtc==13.0.88',
    'nvidia-cublas==13.1.0.3',
    'nvidia-curand==10.4.0.35',
    'nvidia-cudnn-cu13==9.28.1.4',
  ],
} as const

/** Of those packages, what nothing here loads. */
const unused = '{*.alt.*,libnvblas.*}'

export type CudaVersion = keyof typeof cudaPackages

export const isCudaVersion = (version: string): version is CudaVersion =>
  Object.hasOwn(cudaPackages, version)

/**
 * Puts the provider libraries into the context of the image: of the very version that
 * onnxruntime-node has, since any other would crash, from the packages of the same makers for Python.
 * @throws Error where they were built from another commit than onnxruntime-node's library
 */
export function addProviderLibraries(
  context: string,
  cuda: CudaVersion,
  { run }: ImageTools,
): void {
  const runtime = join(repositoryRoot, 'node_modules/onnxruntime-node')
  const manifest = readFileSync(join(runtime, 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const wheels = join(context, 'wheels')
  const platforms = ['manylinux_2_28_x86_64', 'manylinux_2_27_x86_64', 'manylinux2014_x86_64']
  run(
    'python3',
    ...['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', wheels],
    ...['--python-version', '312', ...platforms.flatMap((one) => ['--platform', one])],
    ...[`onnxruntime-gpu==${version}`, ...cudaPackages[cuda]],
  )
  const unpack = (into: string, wheel: string, libraries: string) => {
    mkdirSync(into, { recursive: true })
    const script = 'for wheel in $1; do unzip -q -o -j "$wheel" "$2" -d "$3"; done'
    run('sh', '-c', script, 'unpack', join(wheels, wheel), libraries, into)
  }
  const capi = 'onnxruntime/capi/libonnxruntime'
  unpack(wheels, 'onnxruntime_gpu-*.whl', `${capi}.so.*`)
  const [theirs, ours] = [
    commitOf(join(wheels, `libonnxruntime.so.${version}`)),
    commitOf(join(runtime, 'bin/napi-v6/linux/x64/libonnxruntime.so.1')),
  ]
  if (theirs !== ours) {
    throw new Error(`onnxruntime-gpu ${version} is commit ${theirs}, onnxruntime-node is ${ours}.`)
  }
  unpack(join(context, `providers-${cuda}`), 'onnxruntime_gpu-*.whl', `${capi}_providers_*.so`)
  const libraries = join(context, `cuda-${cuda}`)
  unpack(libraries, 'nvidia_*.whl', '*.so*')
  for (const name of globSync(unused, { cwd: libraries })) rmSync(join(libraries, name))
  rmSync(wheels, { recursive: true })
}

/** What a library of ONNX Runtime says of itself; a provider takes part in its inner tables. */
function commitOf(library: string): string {
  const [, commit] = /git-commit-id=(\w+)/.exec(readFileSync(library, 'latin1')) ?? []
  if (commit === undefined) throw new Error(`${library} does not say what it was built from.`)
  return commit
}
