import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { largestDifference } from '#shared/inference/golden-sample.ts'
import { type LambdaHost, startLambdaHost } from '#test/hosts/lambda-host.ts'
import { type LocalAws, startLocalAws } from '#test/servers/local-aws.ts'
import { isCommitted } from '#test/support/is-committed.ts'

const models = readModels('models', { parse: parseManifest }).filter(isCommitted)

/** What only Lambda does to a function: start it cold, freeze it, thaw it, run it beside itself. */
describe('the packaged functions in their life on Lambda', () => {
  let aws: LocalAws
  let host: LambdaHost
  let key: string

  beforeAll(async () => {
    aws = await startLocalAws()
    const { environment, keyStore, pepper } = await aws.deploy()
    host = startLambdaHost(environment)
    const manager = createKeyManager({ keyStore, pepper })
    key = (await manager.create({ name: 'tests', mode: 'test', scopes: ['predict'] })).key
  })
  afterAll(async () => {
    await host?.stop()
    await aws?.stop()
  })

  const predict = async (model: string, body: unknown) => {
    const answer = await host.request({
      method: 'POST',
      path: `/v1/models/${model}/predict`,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    })
    return { status: answer.status, json: JSON.parse(Buffer.from(answer.body).toString()) }
  }

  it.each(models.map((entry) => [entry.manifest.name, entry] as const))(
    '%s answers its golden sample from a cold start and again from the thawed process',
    async (name, { sample, expected }) => {
      await host.forget()
      const cold = await predict(name, sample)
      const { coldStart, durationMs = 0 } = host.last() ?? {}
      const thawed = await predict(name, sample)
      const last = host.last()
      expect([coldStart, last?.coldStart]).toEqual([true, false])
      for (const { status, json } of [cold, thawed]) {
        expect(status, host.functionOf(name).logs()).toBe(200)
        expect(largestDifference(json.outputs, expected.outputs)).toBeLessThanOrEqual(
          expected.tolerance,
        )
      }
      // Without a home to keep its state in, ONNX Runtime's reporting would complain here.
      expect(host.functionOf(name).logs()).not.toMatch(/telemetry/i)
      console.log(
        `${name}: cold ${durationMs.toFixed(0)} ms, thawed ${last?.durationMs.toFixed(1)} ms, ` +
          `${((last?.residentBytes ?? 0) / 1e6).toFixed(0)} MB resident`,
      )
    },
  )

  it('serves every version and alias of every model under its route', async () => {
    for (const { manifest, sample } of models) {
      for (const label of [manifest.version, 'latest', ...manifest.aliases]) {
        const { status, json } = await predict(`${manifest.name}@${label}`, sample)
        expect([label, status, json.version]).toEqual([label, 200, manifest.version])
      }
    }
  })

  it('answers callers who come at once from environments of their own', async () => {
    await host.forget()
    const sample = { inputs: [[5.1, 3.5, 1.4, 0.2]] }
    const answers = await Promise.all([1, 2, 3].map(() => predict('iris', sample)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  })
})
