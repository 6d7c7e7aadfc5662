import { expect, test } from 'vitest'
import { readMultipartUpload } from '#shared/protocols/multipart-upload.ts'

async function formOf(content: string) {
  const form = new FormData()
  form.append('purpose', 'batch')
  form.append('file', new File([content], 'calls.jsonl'))
  const encoded = new Response(form)
  return {
    contentType: encoded.headers.get('content-type') ?? '',
    body: new Uint8Array(await encoded.arrayBuffer()),
  }
}

const read = (contentType: string, stream: AsyncIterable<Uint8Array>) =>
  readMultipartUpload({
    method: 'POST',
    path: '/v1/files',
    query: {},
    headers: { 'content-type': contentType },
    body: new Uint8Array(),
    stream,
    sourceIp: '127.0.0.1',
  })

async function* inPieces(bytes: Uint8Array, count: number) {
  const pieceBytes = Math.ceil(bytes.length / count)
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    yield bytes.subarray(start, start + pieceBytes)
    await new Promise(setImmediate)
  }
}

/** As a function gets it, whole, and as a server does. */
test.each([1, 2, 7])('a form that breaks off is refused, come in %i pieces', async (pieces) => {
  const { contentType, body } = await formOf('x'.repeat(100))
  for (const end of [body.length - 60, body.length - 5]) {
    for (const isLate of [false, true]) {
      const upload = await read(contentType, inPieces(body.subarray(0, end), pieces))
      if (isLate) await new Promise((resolve) => setTimeout(resolve, 20))
      const reading = Array.fromAsync(upload.bytes).then(() => upload.fields())
      await expect(reading).rejects.toMatchObject({ code: 'upload_invalid' })
    }
  }
})

test('a whole form gives its file, byte for byte, and its fields', async () => {
  const { contentType, body } = await formOf('some\r\nlines\n')
  const { filename, bytes, fields } = await read(contentType, inPieces(body, 3))
  expect(filename).toBe('calls.jsonl')
  expect(Buffer.concat(await Array.fromAsync(bytes)).toString()).toBe('some\r\nlines\n')
  expect(await fields()).toEqual({ purpose: 'batch' })
})
