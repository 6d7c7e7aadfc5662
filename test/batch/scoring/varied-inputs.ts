import { crc32, deflateSync } from 'node:zlib'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'

/** Numbers from 0 to 1, always the same ones (a linear congruential generator). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return state / 0x7fff_ffff
  }
}

const words =
  'win free prize click here now the meeting is at noon tomorrow please find attached report offer money account bank claim hello dear friend Schedule lunch project review cheap pills discount Ceci pas une pipe où est la gare heute nicht gewonnen добрый день 天気 がいい'.split(
    ' ',
  )

/** Inputs of a model of ours, the sample among them, as different as its users may send them. */
export function variedInputs({ manifest, sample }: ModelEntry, count: number): unknown[] {
  const random = randomNumbers(7)
  const [first] = manifest.inputs
  const kind = manifest.task.name
  const make = (): unknown => {
    if (kind === 'text-classification') {
      // Short and long ones side by side: padding would show.
      const length = 1 + Math.floor(random() ** 3 * 200)
      return Array.from({ length }, () => words[Math.floor(random() * words.length)]).join(' ')
    }
    if (kind === 'tabular-classification') {
      return Array.from({ length: first?.shape[1] ?? 0 }, () => random() * 8)
    }
    const [, ...sizes] = first?.shape ?? []
    const [height = 1, width = 1] = manifest.task.options.layout === 'NCHW' ? sizes.slice(1) : sizes
    return picture(width, height, random)
  }
  const { inputs } = sample
  const rows = kind.startsWith('tabular') ? (inputs as unknown[]) : [inputs]
  return [...rows, ...Array.from({ length: count - rows.length }, make)]
}

/** A grey PNG: dark, light or noise. */
function picture(width: number, height: number, random: () => number): Uint8Array {
  const [light, noise] = [random() * 255, random()]
  const lines = Buffer.alloc((width + 1) * height)
  for (let at = 0; at < lines.length; at += 1) {
    const isFilter = at % (width + 1) === 0
    lines[at] = isFilter ? 0 : Math.min(255, light * (1 - noise) + random() * 255 * noise)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  return Buffer.concat([
    signature,
    block('IHDR', header),
    block('IDAT', deflateSync(lines)),
    block('IEND', Buffer.alloc(0)),
  ])
}

function block(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, check])
}
