import { type Codec, codecProgram } from './codec-files.ts'
import type { Picture } from './picture.ts'
import { unreadable } from './unreadable.ts'

/** What Emscripten makes of a codec: a function that starts one instance of its program. */
type StartCodec = (options: {
  noInitialRun: boolean
  instantiateWasm: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance) => void,
  ) => WebAssembly.Exports
  print: (line: string) => void
  printErr: (line: string) => void
}) => Promise<{ decode(bytes: Uint8Array, upright: boolean): Picture | null }>

const codecs: Readonly<Record<Codec, () => Promise<StartCodec>>> = {
  jpeg: async () => (await import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js')).default as StartCodec,
  webp: async () => {
    const start = (await import('@jsquash/webp/codec/dec/webp_dec.js')).default
    return start as unknown as StartCodec
  },
}

/**
 * Decodes a JPEG (upright, as its EXIF orientation says) or a WebP. Each image has an instance of
 * its own, which is then dropped: a decoder that failed or grew cannot harm the next call, and
 * nothing of one caller's image stays where another's is decoded.
 * @throws ServiceError `image_unreadable`
 */
export async function decodeWithCodec(codec: Codec, bytes: Uint8Array): Promise<Picture> {
  const [start, program] = await Promise.all([codecs[codec](), codecProgram(codec)])
  const complaints: string[] = []
  const { decode } = await start({
    noInitialRun: true,
    instantiateWasm(imports, done) {
      const instance = new WebAssembly.Instance(program, imports)
      done(instance)
      return instance.exports
    },
    print: (line) => complaints.push(line),
    printErr: (line) => complaints.push(line),
  })
  const name = codec === 'jpeg' ? 'JPEG' : 'WebP'
  const because = () => (complaints[0] ? ` (${complaints[0].slice(0, 100)})` : '')
  let picture: Picture | null
  try {
    picture = decode.apply(undefined, codec === 'jpeg' ? [bytes, true] : ([bytes] as never))
  } catch (cause) {
    throw unreadable(`The ${name} cannot be decoded${because()}.`, cause)
  }
  if (!picture) throw unreadable(`The ${name} cannot be decoded${because()}.`)
  // libjpeg fills what is missing with grey and only warns.
  if (complaints.some((line) => /premature end/i.test(line))) {
    throw unreadable(`The ${name} is truncated${because()}.`)
  }
  return picture
}
