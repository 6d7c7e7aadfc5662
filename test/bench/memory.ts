import { join } from 'node:path'
import { repositoryRoot } from '#functions/packaging/function-folder.ts'
import { directoryArtifactStore } from '#shared/artifacts/directory-artifact-store.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { httpApiEvent } from '#test/lambda/http-api.ts'
import { bundleProcess } from './harness/bundle-process.ts'
import { cacheFolder } from './harness/cache-folder.ts'
import { functionEnvironment } from './harness/function-environment.ts'
import { interleave } from './harness/interleave.ts'
import { makeKey } from './harness/make-key.ts'
import { runNode } from './harness/node-process.ts'
import { startRangeServer } from './harness/range-server.ts'
import type { Measure } from './harness/report.ts'
import { statistics } from './harness/statistics.ts'
import { unpackFunction } from './harness/unpack-function.ts'

interface Memory {
  readonly rssMB: number
  readonly pssMB: number
}

/** What a warm `language-id` function weighs, packaged, after 200 calls. */
export const memory: Measure = async ({ samples: rounds }) => {
  const [entry] = readModels(join(repositoryRoot, 'models'), {
    parse: parseManifest,
    only: 'language-id',
  })
  if (!entry) throw new Error('models/language-id is missing.')
  const artifacts = cacheFolder('artifacts')
  const { artifact } = entry.manifest
  const { memoryMB } = entry.manifest.function
  await publishArtifact(directoryArtifactStore({ directory: artifacts }), artifact, {
    folder: entry.folder,
    file: artifact.file ?? '',
  })
  const server = await startRangeServer(artifacts)
  const { key, environment } = await makeKey()
  const taskRoot = await unpackFunction('language-id', {
    name: 'language-id',
    model: 'language-id',
    handlerFile: join(repositoryRoot, 'functions/language-id/handler.ts'),
  })
  const weigher = await bundleProcess('weigh')
  const path = '/v1/models/language-id/predict'
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const body = JSON.stringify(entry.sample)
  const event = httpApiEvent({ method: 'POST', path, headers, body }, `POST ${path}`)

  const weigh = (calls: number) => () =>
    runNode<Memory>({
      file: weigher,
      args: [join(taskRoot, 'handler.mjs'), JSON.stringify(event), `${calls}`],
      environment: { ...environment, ...functionEnvironment(taskRoot, server.endpoint, memoryMB) },
    })
  const variants = { first: weigh(1), warm: weigh(200) }
  const samples = await interleave(variants, Math.max(3, Math.round(rounds / 3))).finally(
    server.stop,
  )
  const rss = (list: readonly Memory[]) => statistics(list.map(({ rssMB }) => rssMB))
  const pss = (list: readonly Memory[]) => statistics(list.map(({ pssMB }) => pssMB))
  return {
    title: 'Memory of the packaged language-id function',
    rows: [
      { what: 'RSS after the first call', unit: 'MB', value: rss(samples.first) },
      { what: 'RSS after 200 calls', unit: 'MB', value: rss(samples.warm), atMost: 160 },
      { what: 'PSS after 200 calls', unit: 'MB', value: pss(samples.warm) },
    ],
  }
}
