import { describe, expect, test } from 'vitest'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { writesText } from '#shared/generation/language-models.ts'
import { checkRequest } from '#shared/inference/check-request.ts'
import type { PredictRequest } from '#shared/inference/model.ts'
import { refusal } from '#test/tasks/refusal.ts'

const models = readModels('models', { parse: parseManifest }).filter((one) => !writesText(one))

describe.each(models.map((entry) => [entry.manifest.name, entry] as const))(
  'a call of %s that is to run later',
  (_, entry) => {
    const sample: PredictRequest = { parameters: {}, ...entry.sample }
    const one = Array.isArray(sample.inputs) ? sample.inputs[0] : sample.inputs

    test('is let in where it is the sample', async () => {
      await expect(checkRequest(entry, sample)).resolves.toBeUndefined()
    })

    test('is refused for a parameter that is not known', async () => {
      const asked = { ...sample, parameters: { unheard_of: 1 } }
      expect(await refusal(() => checkRequest(entry, asked))).toBe('parameter_invalid')
    })

    test('is refused for an input of another kind', async () => {
      for (const inputs of [[], [true], [{}]]) {
        expect(await refusal(() => checkRequest(entry, { ...sample, inputs }))).toBe(
          'input_invalid',
        )
      }
    })

    test('is refused for one row too many', async () => {
      const inputs = Array(entry.manifest.limits.rows + 1).fill(one)
      expect(await refusal(() => checkRequest(entry, { ...sample, inputs }))).toBe('too_many_rows')
    })

    const readsImages = /image|detection/.test(entry.manifest.task.name)
    test.runIf(readsImages)('is refused for an image that is too large or none', async () => {
      const { manifest } = entry
      const small = {
        ...entry,
        manifest: { ...manifest, limits: { ...manifest.limits, pixels: 9 } },
      }
      expect(await refusal(() => checkRequest(small, sample))).toBe('image_too_large')
      const inputs = [Buffer.from('no image').toString('base64')]
      expect(await refusal(() => checkRequest(entry, { ...sample, inputs }))).toBe(
        'image_type_unsupported',
      )
    })
  },
)
