import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { installRealS3Server } from './install-real-s3-server.ts'

export interface RealS3Server {
  /** `http://127.0.0.1:…`, or https where `tls` was given. */
  endpoint: string
  region: string
  /** An empty bucket, ready to be used. */
  bucket: string
  accessKeyId: string
  secretAccessKey: string
  /** The folder whose files are the bucket's objects: a test may damage them there. */
  bucketDirectory: string
  stop(): Promise<void>
}

/**
 * Starts a real S3 server on a free loopback port over a temporary folder, and waits until it
 * answers.
 *
 * @param tls a certificate and its key (PEM), to answer over https
 * @param versions whether versioning can be enabled for the bucket
 */
export async function startRealS3Server({
  tls,
  versions = false,
}: {
  tls?: { certificate: string; key: string }
  versions?: boolean
} = {}): Promise<RealS3Server> {
  const binary = await installRealS3Server()
  const folder = await mkdtemp(join(tmpdir(), 'percall-s3-'))
  const [objects, sidecar, bucket] = [join(folder, 'objects'), join(folder, 'meta'), 'models']
  const bucketDirectory = join(objects, bucket)
  await mkdir(bucketDirectory, { recursive: true })
  await mkdir(sidecar)
  const history = join(folder, 'versions')
  await mkdir(history)
  if (tls) {
    await writeFile(join(folder, 'certificate.pem'), tls.certificate)
    await writeFile(join(folder, 'key.pem'), tls.key)
  }

  const port = await freePort()
  const keys = { accessKeyId: 'testaccesskey', secretAccessKey: 'test-secret-key' }
  const region = 'us-east-1'
  const server = spawn(
    binary,
    [
      ...['--quiet', '--health', '/health', '--port', `127.0.0.1:${port}`, '--region', region],
      ...['--access', keys.accessKeyId, '--secret', keys.secretAccessKey],
      ...(tls ? ['--cert', join(folder, 'certificate.pem'), '--key', join(folder, 'key.pem')] : []),
      // Not every temporary folder keeps extended attributes: metadata lies beside the objects.
      ...['posix', '--sidecar', sidecar],
      ...(versions ? ['--versioning-dir', history, objects] : [objects]),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let complaint = ''
  server.stderr.on('data', (text) => {
    complaint += text
  })
  const exited = once(server, 'exit')

  const stop = async () => {
    server.kill()
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  const deadline = Date.now() + 20_000
  while (!(await answers(port))) {
    if (server.exitCode === null && Date.now() < deadline) await sleep(50)
    else {
      await stop()
      throw new Error(`The S3 server did not start. ${complaint}`)
    }
  }
  const endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  return { endpoint, region, bucket, ...keys, bucketDirectory, stop }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('No free port.')
  return address.port
}

/** Whether somebody listens: the server opens its port last. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
