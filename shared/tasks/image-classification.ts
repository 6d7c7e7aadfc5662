import { classify } from './classify.ts'
import { checkImages } from './images/check-images.ts'
import { imagePixels } from './images/image-pixels.ts'
import { imageMedia, imageRows, imageSchema } from './images/image-row.ts'
import { imageFields, imageTensor } from './images/image-tensor.ts'
import { readOptions } from './read-options.ts'
import type { Task } from './task.ts'

const optionFields = {
  ...imageFields,
  output: { type: 'string', description: 'The tensor of scores; the first where absent.' },
} as const

/** What an image shows: `[{label, score}]` an image, best first. */
export const imageClassification: Task = {
  name: 'image-classification',
  media: imageMedia,
  rows: imageRows,
  pixels: imagePixels,
  check(rows, parameters, model) {
    classify.reader(parameters, model, readOptions(model, optionFields).output)
    checkImages(rows, model)
  },
  async prepare(rows, parameters, model) {
    const options = readOptions(model, optionFields)
    const reading = classify.reader(parameters, model, options.output)
    const { tensor } = await imageTensor(rows, model, options)
    return { tensors: { [model.inputs[0]?.name ?? '']: tensor }, ...reading }
  },
  describe: (model) => ({ input: imageSchema, ...classify.describe(model) }),
}
