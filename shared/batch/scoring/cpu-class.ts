import { readFileSync } from 'node:fs'
import { arch } from 'node:os'

export interface CpuClassSources {
  architecture?: string
  /** Content of /proc/cpuinfo; empty where the system has none. */
  cpuinfo?: string
}

/**
 * The class of this CPU: `x64-avx512-vnni`, `arm64-i8mm`. Within one class kernels choose the same
 * instructions, so that a model gives the same bytes; between classes 8-bit products round differently.
 */
export function cpuClass({
  architecture = arch(),
  cpuinfo = readCpuinfo(),
}: CpuClassSources = {}): string {
  const [, line = ''] = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo) ?? []
  const flags = new Set(line.trim().split(/\s+/))
  const has = (...names: string[]) => names.some((name) => flags.has(name))
  const kinds = architecture === 'arm64' ? arm64Kinds(has) : x64Kinds(has)
  return [architecture, ...kinds].join('-')
}

type Has = (...names: string[]) => boolean

/** In the order in which ONNX Runtime's kernels prefer them. */
function x64Kinds(has: Has): string[] {
  if (has('amx_int8')) return ['avx512', 'vnni', 'amx']
  if (has('avx512f')) return has('avx512_vnni') ? ['avx512', 'vnni'] : ['avx512']
  if (has('avx2')) return has('avx_vnni') ? ['avx2', 'vnni'] : ['avx2']
  return has('avx') ? ['avx'] : []
}

function arm64Kinds(has: Has): string[] {
  if (has('i8mm')) return has('sve') ? ['i8mm', 'sve'] : ['i8mm']
  return has('asimddp') ? ['dotprod'] : []
}

function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}
