import { expect, test } from 'vitest'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { encodeModel, encodeModels } from '#shared/protocols/model-list.ts'

const models = readModels('models', { parse: parseManifest })
const entryOf = (name: string) => {
  const entry = models.find(({ manifest }) => manifest.name === name)
  if (!entry) throw new Error(`There is no ${name}.`)
  return entry
}
const cardOf = (name: string, options?: { allLabels: boolean }) =>
  encodeModel(entryOf(name), [entryOf(name)], options)

test('the card of a model with few labels holds them all', () => {
  const { labels } = entryOf('iris')
  expect(cardOf('iris')).toMatchObject({ labels, label_count: labels.length })
  expect(cardOf('iris')).not.toHaveProperty('labels_url')
})

test('the card of a model with thousands of labels holds their number, the first, and where all are', () => {
  const { labels } = entryOf('text-recognition')
  expect(labels.length).toBeGreaterThan(1_000)
  expect(cardOf('text-recognition')).toMatchObject({
    labels: labels.slice(0, 100),
    label_count: labels.length,
    labels_url: '/v1/models/text-recognition@1?labels=all',
  })
  const whole = cardOf('text-recognition', { allLabels: true })
  expect(whole).toMatchObject({ labels, label_count: labels.length })
  expect(whole).not.toHaveProperty('labels_url')
})

test('a list of models and their cards say which of them are heavy', () => {
  expect(cardOf('text-detection')).toMatchObject({ heavy: true })
  expect(cardOf('iris')).toMatchObject({ heavy: false })
  const { data } = encodeModels(models) as { data: { id: string; heavy: boolean }[] }
  expect(data.filter(({ heavy }) => heavy).map(({ id }) => id)).toEqual(
    models.filter(({ manifest }) => manifest.heavy).map(({ manifest }) => manifest.name),
  )
})
