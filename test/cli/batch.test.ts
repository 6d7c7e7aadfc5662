import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { createSqliteJobStore } from '#shared/batch/stores/sqlite-job-store.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { type Machine, newMachine, type RunResult } from './command-line.ts'

let machine: Machine
beforeAll(() => {
  machine = newMachine(['spam', 'iris', 'fashion'])
})
afterAll(() => machine[Symbol.dispose]())

const texts = Array.from({ length: 200 }, (_, at) => JSON.stringify({ id: `m${at}`, text: 'hi' }))
const write = (name: string, content: string) => {
  const path = join(machine.models, name)
  writeFileSync(path, content)
  return path
}
const read = (path: string) => readFileSync(path, 'utf8')
const lines = (text: string) => text.trimEnd().split('\n')
function jsonOf({ code, stdout, stderr }: RunResult) {
  if (code !== 0) throw new Error(stderr || stdout)
  return JSON.parse(stdout)
}

describe('percall batch, in its own process', () => {
  it('scores a file, writes the results, and tells of records that are wrong', async () => {
    const file = write('mails.jsonl', `${texts.join('\n')}\nnot json\n`)
    const output = join(machine.models, 'results.jsonl')
    const { code, stdout, stderr } = await machine.run([
      ...['batch', 'submit', file, '--model', 'spam', '-o', output],
    ])
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^job_[0-9a-f]{32} spam@1, published, 201 records, 1 error,/),
    ])
    expect(stderr).toContain(`Results are in ${output}.`)
    expect(stderr).toContain('record 201: json_invalid: ')
    const results = lines(read(output)).map((line) => JSON.parse(line))
    expect(results.map(({ record }) => record)).toEqual(texts.map((_, at) => at + 1))
    expect(results[0]).toMatchObject({ id: 'm0', outputs: expect.any(Array) })
  })

  it('prints the job as JSON and nothing else, and lists, shows and audits it', async () => {
    const file = write('flowers.csv', 'name,a,b,c,d\nx,5.1,3.5,1.4,0.2\n')
    const errors = join(machine.models, 'errors.jsonl')
    const words = ['batch', 'submit', file, '-m', 'iris', '--errors', errors, '--json']
    const submitted = await machine.run(words)
    const job = JSON.parse(submitted.stdout)
    expect(job).toMatchObject({ object: 'batch_job', state: 'published', results: 0, errors: 1 })
    // A job that gave no result has not worked, though it has ended as promised.
    expect(submitted).toMatchObject({
      code: 1,
      stderr: `Errors are in ${errors}.\nNo record could be scored.\n`,
    })
    expect(JSON.parse(read(errors))).toMatchObject({ record: 1, error: { code: 'input_invalid' } })
    const { id } = job
    const list = await machine.run(['batch', 'list'])
    expect(list.stdout).toMatch(
      new RegExp(`${id} +flowers.csv +iris@1 +published +100 % +0 +1 +0\\.0000 +USD \\(test\\)`),
    )
    const show = await machine.run(['batch', 'show', id, '--json'])
    expect(jsonOf(show)).toEqual(job)
    const audit = await machine.run(['batch', 'audit', id])
    expect(audit).toEqual({ code: 0, stdout: 'Every promise is kept.\n', stderr: '' })
    // What was published is no longer what it was.
    const [errorFile] = job.outputs.filter(({ name }: { name: string }) => name === 'errors')
    writeFileSync(join(machine.home, 'batch', errorFile.key), '{"record":1}\n')
    const broken = await machine.run(['batch', 'audit', id])
    expect([broken.code, broken.stdout]).toEqual([1, expect.stringContaining('output-intact: ')])
  })

  it('writes results to standard output, and all else to the other one', async () => {
    const file = write('piped.jsonl', texts.slice(0, 3).join('\n'))
    const { code, stdout, stderr } = await machine.run([
      ...['batch', 'submit', file, '-m', 'spam', '-o', '-'],
    ])
    expect(code).toBe(0)
    expect(lines(stdout).map((line) => JSON.parse(line).record)).toEqual([1, 2, 3])
    expect(stderr).toMatch(/^job_\w+ spam@1, published, 3 records, .*cost 0\.0000 USD \(test key\)/)
  })

  it('packs the results as the name of their file says', async () => {
    const file = write('packed.jsonl', texts.slice(0, 3).join('\n'))
    const output = join(machine.models, 'results.jsonl.gz')
    const submit = ['batch', 'submit', file, '-m', 'spam', '-o', output]
    const job = jsonOf(await machine.run([...submit, '--json']))
    expect(job).toMatchObject({ output_compression: 'gzip', currency: 'USD', free: true })
    expect(lines(gunzipSync(readFileSync(output)).toString())).toHaveLength(3)
  })

  it('scores the images of a folder, and of the folders in it, by their names', async () => {
    const { inputs } = JSON.parse(read(join(machine.models, 'fashion', 'sample.json')))
    const image = Buffer.from(Array.isArray(inputs) ? inputs[0] : inputs, 'base64')
    const folder = join(machine.models, '..', 'photos')
    mkdirSync(join(folder, 'more'), { recursive: true })
    for (const name of ['b.png', 'more/a.png', '.hidden']) writeFileSync(join(folder, name), image)
    const words = ['batch', 'submit', folder, '-m', 'fashion']
    const { code, stdout, stderr } = await machine.run([...words, '-o', '-'])
    expect(code, stderr).toBe(0)
    const ids = lines(stdout).map((line) => JSON.parse(line).id)
    expect(ids).toEqual([
      expect.stringMatching(/\/photos\/b\.png$/),
      expect.stringMatching(/\/photos\/more\/a\.png$/),
    ])
    expect(await machine.run([...words, '--url', 'http://127.0.0.1:1'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not with --url'),
    })
  })

  it('lists jobs a page at a time', async () => {
    const page = (...more: string[]) => machine.run(['batch', 'list', '--limit', '1', ...more])
    const first = await page()
    const [, after = ''] = /percall batch list --after (job_\w+)/.exec(first.stderr) ?? []
    const second = jsonOf(await page('--after', after, '--json'))
    expect(first.stdout).toContain(after)
    expect(second.data).toHaveLength(1)
    expect(second.data[0].id).not.toBe(after)
    expect((await page('--limit', '0')).code).toBe(2)
  })

  it.each([
    [['list', '--key', 'pc_live_x'], '--key belongs to --url'],
    [['watch', `job_${'0'.repeat(32)}`, '-o', '-', '--json'], 'only one thing'],
  ])('was asked for wrongly with %j', async (words, why) => {
    const { code, stderr } = await machine.run(['batch', ...words])
    expect([code, stderr]).toEqual([2, expect.stringContaining(why)])
  })

  it('writes over nothing, and into no folder that is not there', async () => {
    const file = write('kept.jsonl', texts.join('\n'))
    const submit = (...more: string[]) =>
      machine.run(['batch', 'submit', file, '-m', 'spam', ...more])
    expect(await submit('-o', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('would be written over'),
    })
    expect(read(file)).toBe(texts.join('\n'))
    const other = `${file}.out`
    expect(await submit('-o', other, '--errors', other)).toMatchObject({ code: 1 })
    expect(await submit('-o', `${file}.folder/out`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot be written to'),
    })
  })

  it('says what it would cost, and leaves nothing behind', async () => {
    const file = write('priced.jsonl', texts.join('\n'))
    const exact = await machine.run(['batch', 'submit', file, '-m', 'spam', '--dry-run', '--exact'])
    expect(exact).toMatchObject({ code: 0, stderr: '' })
    expect(exact.stdout).toMatch(/^spam@1, jsonl\nrecords {2}200\nprice {4}0\.0200 USD\ntime /)
    const listed = jsonOf(await machine.run(['batch', 'list', '--json']))
    const inputs = listed.data.map(({ input }: { input: string }) => input)
    expect(inputs.some((input: string) => input.endsWith('priced.jsonl'))).toBe(false)
  })

  it('leaves a job at Ctrl+C, which goes on when it is watched', async () => {
    const file = write('long.jsonl', `${texts.join('\n')}\n`.repeat(150))
    const running = machine.start(['batch', 'submit', file, '-m', 'spam'])
    const jobs = createSqliteJobStore({ path: join(machine.home, 'batch.sqlite') })
    const isScored = async () => {
      const [newest] = (await jobs.list({ tenant: 'default', limit: 1 })).jobs
      return newest?.state === 'scoring' && newest.done.results > 0
    }
    await expect.poll(isScored, { timeout: 25_000, interval: 10 }).toBe(true)
    await jobs.close()
    running.child.kill('SIGINT')
    expect(await running.exit).toBe(130)
    const [, id = ''] = await running.output(/goes on with "percall batch watch (job_\w+)"/)
    const output = join(machine.models, 'long-results.jsonl')
    const watched = await machine.run(['batch', 'watch', id, '-o', output])
    expect(watched).toMatchObject({ code: 0, stdout: expect.stringContaining('published, 30000') })
    expect(lines(read(output))).toHaveLength(30_000)
  })

  it.each([
    [['submit', 'nowhere.jsonl', '-m', 'spam'], 'There is no file nowhere.jsonl.'],
    [['resume', `job_${'0'.repeat(32)}`], 'There is no such job.'],
    [['audit', `job_${'0'.repeat(32)}`], 'There is no such job.'],
  ])('fails with %j and says why', async (words, why) => {
    const { code, stdout, stderr } = await machine.run(['batch', ...words])
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(why)])
  })

  it('gives messages that were given up on another chance', async () => {
    const counts = jsonOf(await machine.run(['batch', 'redrive', '--json']))
    expect(counts).toEqual({ plan: 0, score: 0, publish: 0 })
  })
})

describe('percall batch, on a server', () => {
  let service: LocalService
  let place: string[]
  beforeAll(async () => {
    service = await startLocalService()
    place = ['--url', service.url, '--key', service.key]
  })
  afterAll(() => service.stop())

  it('uploads, follows and downloads', async () => {
    const file = write('mails.csv', 'id,text\na,"two\nlines"\nb,hi\n')
    const output = join(machine.models, 'from-server.csv')
    const words = ['batch', 'submit', file, '-m', 'spam', '--output-format', 'csv', '-o', output]
    const job = jsonOf(await machine.run([...words, '--join', '--json', ...place]))
    expect(job).toMatchObject({ state: 'published', results: 2, cost_micros: 0 })
    expect(read(output)).toMatch(/^record,id,.*\n1,a,/)
    const dry = await machine.run(['batch', 'submit', file, '-m', 'spam', '--dry-run', ...place])
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('records  ') })
    const files = (await (await service.request('/v1/files')).json()) as { data: unknown[] }
    expect(files.data).toHaveLength(1)
  })

  it('detaches, pauses at a cap, resumes under a higher one, and cancels', async () => {
    const { key } = await createKeyManager(service.services).create({
      ...{ name: 'cli', scopes: ['predict'], mode: 'live' },
    })
    const paid = ['--url', service.url, '--key', key]
    const file = write('capped.jsonl', texts.join('\n'))
    const submit = ['batch', 'submit', file, '-m', 'spam', '--cap', '0.01', ...paid]
    const paused = await machine.run(submit)
    expect([paused.code, paused.stdout]).toEqual([1, expect.stringContaining(', paused,')])
    expect(paused.stdout).toContain('spend_cap_reached: ')
    expect(paused.stdout).toMatch(
      /Go on with "percall batch resume job_\w+" and a higher --cap|of the cap are left/,
    )
    const [id = ''] = /job_\w+/.exec(paused.stdout) ?? []
    const resumed = await machine.run(['batch', 'resume', id, '--cap', '0.02', ...paid])
    expect(resumed).toMatchObject({ code: 0, stdout: expect.stringContaining('cost 0.0200') })
    const detached = await machine.run([...submit, '--detach', '--json'])
    const { id: other, state } = jsonOf(detached)
    expect(['planning', 'scoring', 'paused']).toContain(state)
    const cancelled = await machine.run(['batch', 'cancel', other, ...paid])
    expect(cancelled).toMatchObject({ code: 0, stdout: expect.stringContaining(', cancelled,') })
  })

  it('lets the server go on when it is left at Ctrl+C', async () => {
    const file = write('left.jsonl', `${texts.join('\n')}\n`.repeat(100))
    const running = machine.start(['batch', 'submit', file, '-m', 'spam', ...place])
    const isScored = async () => {
      const page = (await (await service.request('/v1/batch-jobs?limit=1')).json()) as {
        data: { state: string; results: number }[]
      }
      return page.data[0]?.state === 'scoring' && page.data[0].results > 0
    }
    await expect.poll(isScored, { timeout: 25_000, interval: 10 }).toBe(true)
    running.child.kill('SIGINT')
    expect(await running.exit).toBe(130)
    const [, id = ''] = await running.output(/percall batch watch (job_\w+)/)
    const watched = await machine.run(['batch', 'watch', id, '--json', ...place])
    expect(jsonOf(watched)).toMatchObject({ state: 'published', results: 20_000 })
  })

  it('tells what the server says of a wrong key, and of no server at all', async () => {
    const file = write('one.jsonl', '"hi"\n')
    const submit = ['batch', 'submit', file, '-m', 'spam']
    const refused = await machine.run([...submit, '--url', service.url, '--key', 'pc_live_x'])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('api_key_')])
    const nobody = await machine.run([...submit, '--url', 'http://127.0.0.1:1', '--json'])
    expect(nobody.code).toBe(1)
    expect(JSON.parse(nobody.stdout)).toMatchObject({ error: { code: 'server_unreachable' } })
  })
})
