import { ServiceError } from '#shared/errors/service-error.ts'
import type { Tensors } from '#shared/runtime/tensor.ts'
import { checkImages } from './images/check-images.ts'
import { imagePixels } from './images/image-pixels.ts'
import { imageMedia, imageRows, imageSchema } from './images/image-row.ts'
import { imageFields, imageTensor } from './images/image-tensor.ts'
import { readFields } from './read-fields.ts'
import { readOptions } from './read-options.ts'
import { shortestFloat } from './shortest-float.ts'
import type { Task, TaskModel } from './task.ts'

/** What one image says. */
export interface ReadText {
  readonly generated_text: string
  /** The mean probability of its letters; 0 where none was read. */
  readonly score: number
}

/**
 * What a line of text in an image says: `{generated_text, score}` an image. `labels.json` holds the
 * letters in the order of the model's last dimension, the blank first.
 */
export const imageToText: Task = {
  name: 'image-to-text',
  media: imageMedia,
  rows: imageRows,
  pixels: imagePixels,
  check(rows, parameters, model) {
    refuseParameters(parameters)
    checkImages(rows, model)
  },
  async prepare(rows, parameters, model) {
    refuseParameters(parameters)
    const { tensor } = await imageTensor(rows, model, readOptions(model, imageFields))
    return {
      tensors: { [model.inputs[0]?.name ?? '']: tensor },
      interpret: (outputs) => readLines(outputs, model),
    }
  },
  describe: () => ({
    input: imageSchema,
    output: {
      type: 'object',
      required: ['generated_text', 'score'],
      properties: {
        generated_text: { type: 'string' },
        score: {
          type: 'number',
          minimum: 0,
          maximum: 1,
          description: 'The mean probability of its letters.',
        },
      },
    },
    parameters: {},
  }),
}

const refuseParameters = (parameters: Readonly<Record<string, unknown>>) =>
  readFields(
    parameters,
    {},
    (sentence) => new ServiceError('parameter_invalid', { detail: `Parameter ${sentence}` }),
  )

/** Of FP32 [rows, steps, letters] the likeliest letters, a row at a time. */
function readLines(outputs: Tensors, { name, labels }: TaskModel): ReadText[] {
  const [tensor] = Object.values(outputs)
  const [rows = 0, steps = 0, letters = 0] = tensor?.shape ?? []
  if (!(tensor?.data instanceof Float32Array) || letters !== labels.length) {
    throw new ServiceError('configuration_invalid', {
      detail: `Model ${name}: its first output is not float32 of shape [rows, steps, ${labels.length}].`,
    })
  }
  const { data } = tensor
  return Array.from({ length: rows }, (_, row) =>
    readLine(data.subarray(row * steps * letters, (row + 1) * steps * letters), labels),
  )
}

/**
 * Connectionist temporal classification, the likeliest letter of each step (Graves et al., ICML
 * 2006, section 3.2): what repeats is one letter, and the blank between two tells them apart.
 */
function readLine(probabilities: Float32Array, labels: readonly string[]): ReadText {
  let text = ''
  let sum = 0
  let count = 0
  let before = 0
  for (let step = 0; step < probabilities.length; step += labels.length) {
    let best = 0
    for (let letter = 1; letter < labels.length; letter += 1) {
      if ((probabilities[step + letter] ?? 0) > (probabilities[step + best] ?? 0)) best = letter
    }
    if (best !== 0 && best !== before) {
      text += labels[best]
      sum += probabilities[step + best] ?? 0
      count += 1
    }
    before = best
  }
  return { generated_text: text, score: count === 0 ? 0 : shortestFloat(sum / count) }
}
