import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { type LocalAws, startLocalAws } from '#test/servers/local-aws.ts'
import { httpAnswer, httpApiEvent } from './http-api.ts'
import { createLambdaFunction, type LambdaFunction } from './lambda-function.ts'

const path = '/v1/models/text-detection/predict'
const sample = readFileSync('models/text-detection/sample.json', 'utf8')

/** Only stages with a place for heavy models have it, so it is not in the template of the others. */
describe('the door of heavy models on Lambda', () => {
  let aws: LocalAws
  let door: LambdaFunction
  let key: string

  beforeAll(async () => {
    aws = await startLocalAws()
    const { environment, keyStore, pepper } = await aws.deploy()
    const manager = createKeyManager({ keyStore, pepper })
    key = (await manager.create({ name: 'tests', mode: 'live', scopes: ['predict'] })).key
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64'
    const zip = readFileSync(resolve(`dist/heavy-${architecture}.zip`))
    door = createLambdaFunction({ name: 'heavy', zip, environment })
  })
  afterAll(async () => {
    await door?.stop()
    await aws?.stop()
  })

  const ask = async (body: string) => {
    const headers = { 'content-type': 'application/json', 'x-api-key': key }
    const event = httpApiEvent({ method: 'POST', path, headers, body }, `POST ${path}`)
    const { payload, failure } = await door.invoke(event)
    expect(failure, door.logs()).toBeUndefined()
    const answer = httpAnswer(payload)
    return { ...answer, json: JSON.parse(Buffer.from(answer.body).toString()) }
  }

  it('puts a call off without a runtime for models in its zip', async () => {
    const { status, headers, json } = await ask(sample)
    expect(status, door.logs()).toBe(202)
    expect(headers.location).toBe(`/v1/jobs/${json.id}`)
    expect(json).toMatchObject({ state: 'queued', model: 'text-detection@1' })
  })

  it('refuses at once what is no image', async () => {
    const { status, json } = await ask('{"inputs": "aGVsbG8="}')
    expect([status, json.code], door.logs()).toEqual([415, 'image_type_unsupported'])
  })
})
