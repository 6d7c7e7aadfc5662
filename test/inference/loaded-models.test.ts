import { expect, test } from 'vitest'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { loadedModels } from '#shared/inference/loaded-models.ts'
import type { Model } from '#shared/inference/model.ts'
import { testEntry } from '#test/support/test-model.ts'

/** Models that remember what was done with them; each load waits until it is let go. */
function setUp({ limit = 2, fail = () => false as boolean } = {}) {
  const loads: string[] = []
  const closed: string[] = []
  const load = async (entry: ModelEntry): Promise<Model> => {
    const { name } = entry.manifest
    loads.push(name)
    await Promise.resolve()
    if (fail()) throw new Error(`no ${name}`)
    const no = () => Promise.reject(new Error('not part of this test'))
    return { entry, predict: no, infer: no, close: async () => void closed.push(name) }
  }
  return { loads, closed, models: loadedModels({ load, limit }) }
}

const [a, b, c] = ['a', 'b', 'c'].map((name) => testEntry({ name })) as [
  ModelEntry,
  ModelEntry,
  ModelEntry,
]
const touch = async () => undefined

test('loads a model once for all who ask at the same time', async () => {
  const { models, loads } = setUp()
  const used = await Promise.all([a, a, a].map((entry) => models.use(entry, async (m) => m)))
  expect(loads).toStrictEqual(['a'])
  expect(new Set(used).size).toBe(1)
})

test('tells everybody who waited of a failed load, and tries again for the next', async () => {
  let broken = true
  const { models, loads } = setUp({ fail: () => broken })
  const first = await Promise.allSettled([models.use(a, touch), models.use(a, touch)])
  expect(first.map(({ status }) => status)).toStrictEqual(['rejected', 'rejected'])
  expect(loads).toStrictEqual(['a'])
  broken = false
  await models.use(a, touch)
  expect(loads).toStrictEqual(['a', 'a'])
})

test('keeps no more models than its limit, and lets go the one unused for longest', async () => {
  const { models, loads, closed } = setUp({ limit: 2 })
  for (const entry of [a, b, a, c]) await models.use(entry, touch)
  expect(closed).toStrictEqual(['b'])
  await models.use(a, touch)
  expect(loads).toStrictEqual(['a', 'b', 'c'])
})

test('closes a model that must go only when its last call has ended', async () => {
  const { models, closed } = setUp({ limit: 1 })
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const calls = gates.map(({ promise }) => models.use(a, () => promise))
  await models.use(b, touch)
  expect(closed).toStrictEqual([])
  gates[0]?.resolve()
  await calls[0]
  expect(closed).toStrictEqual([])
  gates[1]?.resolve()
  await calls[1]
  expect(closed).toStrictEqual(['a'])
})

test('closes a model whose last call has failed', async () => {
  const { models, closed } = setUp({ limit: 1 })
  const gate = Promise.withResolvers<void>()
  const call = models.use(a, () => gate.promise)
  await models.use(b, touch)
  gate.reject(new Error('failed'))
  await expect(call).rejects.toThrow('failed')
  expect(closed).toStrictEqual(['a'])
})

test('does not close a model that failed to load, nor count it', async () => {
  let broken = true
  const { models, loads, closed } = setUp({ limit: 1, fail: () => broken })
  await expect(models.use(a, touch)).rejects.toThrow('no a')
  broken = false
  await models.use(b, touch)
  await models.use(b, touch)
  expect(closed).toStrictEqual([])
  expect(loads).toStrictEqual(['a', 'b'])
})

test('closes everything in the end', async () => {
  const { models, closed } = setUp()
  await models.use(a, touch)
  await models.use(b, touch)
  await models.close()
  expect(closed.sort()).toStrictEqual(['a', 'b'])
})
