import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readStorageEvent } from '#shared/batch/storage-event.ts'

const fixture = (name: string) =>
  readFileSync(new URL(`../endpoints/${name}.json`, import.meta.url), 'utf8')
const [record] = JSON.parse(fixture('s3-object-created')).Records
const eventOf = (...records: object[]) => JSON.stringify({ Records: records })
const about = (key: string, eventName = 'ObjectCreated:CompleteMultipartUpload') => ({
  ...record,
  eventName,
  s3: { ...record.s3, object: { ...record.s3.object, key } },
})

test('names the object that S3 says was created, as it is called in the bucket', () => {
  expect(readStorageEvent(fixture('s3-object-created'))).toEqual([
    'incoming/acme/spam/März 2026+1.jsonl',
  ])
})

test('names every object of an event, and none that was deleted', () => {
  const event = eventOf(about('a'), about('b', 'ObjectRemoved:Delete'), about('c%2Fd'))
  expect(readStorageEvent(event)).toEqual(['a', 'c/d'])
})

test('names nothing where S3 only tries whether it may send', () => {
  expect(readStorageEvent(fixture('s3-test-event'))).toEqual([])
})

test.each(['{"job":"job_1"}', '{"Records":[{"body":"{}"}]}', '{}', '"text"'])(
  'leaves %s to others',
  (body) => {
    expect(readStorageEvent(body)).toBeUndefined()
  },
)
