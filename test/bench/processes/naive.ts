import { mkdtempSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { clock } from '../harness/clock.ts'
import { tell } from '../harness/tell.ts'

/** How tutorials do it: the SDK, a file in the temporary folder, a session as it comes. */
const [, , url = '', input = ''] = process.argv
const { origin, pathname } = new URL(url)
const [, Bucket = '', ...segments] = pathname.split('/')
const client = new S3Client({ endpoint: origin, forcePathStyle: true })
const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: segments.join('/') }))
const file = join(mkdtempSync(join(tmpdir(), 'naive-')), 'model.onnx')
await writeFile(file, (await Body?.transformToByteArray()) ?? '')
const session = await InferenceSession.create(file)
const row = Float32Array.from(JSON.parse(input))
const results = await session.run({ tokens: new Tensor('float32', row, [1, row.length]) })
tell({ answeredAt: clock(), score: results.scores?.data[1] })
process.exit()
