import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { ServiceError } from '#shared/errors/service-error.ts'

export interface PlainBody {
  readonly inputs: unknown
  readonly parameters?: Readonly<Record<string, unknown>>
}

/**
 * What a person wrote after the model's name, as the body of a plain call: one input or a list.
 * `@file` is the file's content, an image as its bytes; `-` is standard input; what looks like JSON
 * is read as JSON, and may be a whole body, `{"inputs": …}`; anything else is text.
 *
 * @throws ServiceError `input_invalid`, naming the file that cannot be read
 */
export async function readInput(
  words: readonly string[],
  stdin: AsyncIterable<Buffer> = process.stdin,
): Promise<PlainBody> {
  const values = await Promise.all(words.map((word) => readWord(word, stdin)))
  if (values.length !== 1) return { inputs: values }
  const [only] = values
  return isBody(only) ? only : { inputs: only }
}

async function readWord(word: string, stdin: AsyncIterable<Buffer>): Promise<unknown> {
  if (word === '-') return fromText(await text(stdin as NodeJS.ReadableStream))
  if (!word.startsWith('@')) return fromText(word)
  const path = word.slice(1)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ServiceError('input_invalid', {
      detail: `The file ${path} cannot be read: ${(cause as Error).message}.`,
      fix: 'Check the path behind the "@".',
      cause,
    })
  })
  return isImage(bytes) ? new Uint8Array(bytes) : fromText(bytes.toString())
}

function fromText(text: string): unknown {
  const trimmed = text.trim()
  if (!/^[[{"]/.test(trimmed)) return text.replace(/\r?\n$/, '')
  try {
    return JSON.parse(trimmed)
  } catch {
    return text.replace(/\r?\n$/, '')
  }
}

/** JPEG, PNG and WebP, by their first bytes. */
const isImage = (bytes: Buffer): boolean =>
  bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff])) ||
  bytes.subarray(0, 4).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47])) ||
  (bytes.subarray(0, 4).toString('latin1') === 'RIFF' &&
    bytes.subarray(8, 12).toString('latin1') === 'WEBP')

const isBody = (value: unknown): value is PlainBody =>
  typeof value === 'object' &&
  value !== null &&
  'inputs' in value &&
  Object.keys(value).every((name) => name === 'inputs' || name === 'parameters')
