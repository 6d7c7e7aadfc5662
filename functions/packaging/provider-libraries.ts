import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from './function-folder.ts'
import type { ImageTools } from './image-tools.ts'

/**
 * The packages whose libraries ONNX Runtime's CUDA provider loads, by version of CUDA: all but the
 * driver's own (`libcuda.so.1`), which the platform puts into the container. TensorRT is not among
 * them; a base image that brings it serves it, too.
 */
const cudaPackages = {
  '13': [
    'nvidia-cuda-runtime~=13.0',
    'nvidia-cublas~=13.0',
    'nvidia-curand~=10.0',
    'nvidia-cudnn-cu13~=9.0',
  ],
} as const

export type CudaVersion = keyof typeof cudaPackages

export const isCudaVersion = (version: string): version is CudaVersion =>
  Object.hasOwn(cudaPackages, version)

/**
 * Puts the provider libraries into the context of the image: of the very version that
 * onnxruntime-node has, since any other would crash, from the packages of the same makers for Python.
 * They take 1.9 GB.
 */
export function addProviderLibraries(
  context: string,
  cuda: CudaVersion,
  { run }: ImageTools,
): void {
  const manifest = join(repositoryRoot, 'node_modules/onnxruntime-node/package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
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
  const providers = 'onnxruntime/capi/libonnxruntime_providers_*.so'
  unpack(join(context, `providers-${cuda}`), 'onnxruntime_gpu-*.whl', providers)
  unpack(join(context, `cuda-${cuda}`), 'nvidia_*.whl', '*.so*')
  rmSync(wheels, { recursive: true })
}
