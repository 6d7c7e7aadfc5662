import { ServiceError } from '#shared/errors/service-error.ts'
import type { Tensors } from '#shared/runtime/tensor.ts'
import { type LabelScore, rankLabels } from './rank-labels.ts'
import { readFields } from './read-fields.ts'
import type { TaskModel } from './task.ts'

/** What the three classifying tasks share: `top_k`, and scores of a `[rows, labels]` output. */
export interface Classifier {
  /** @throws ServiceError `parameter_invalid` */
  reader(
    parameters: Readonly<Record<string, unknown>>,
    model: TaskModel,
    output: string | undefined,
  ): (outputs: Tensors) => LabelScore[][]
  describe(model: TaskModel): {
    output: Record<string, unknown>
    parameters: Record<string, Record<string, unknown>>
  }
}

export const classify: Classifier = {
  reader(parameters, model, output = model.outputs[0]?.name) {
    const { top_k: count } = readFields(
      parameters,
      fieldsOf(model),
      (sentence) => new ServiceError('parameter_invalid', { detail: `Parameter ${sentence}` }),
    )
    return (outputs) => {
      const tensor = outputs[output ?? '']
      const width = model.labels.length
      if (!(tensor?.data instanceof Float32Array) || tensor.shape[1] !== width) {
        throw new ServiceError('configuration_invalid', {
          detail: `Model ${model.name}: output "${output}" is not float32 of shape [rows, ${width}].`,
        })
      }
      const { data } = tensor
      return Array.from({ length: data.length / width }, (_, row) =>
        rankLabels(data.subarray(row * width, (row + 1) * width), model.labels, count),
      )
    }
  },
  describe(model) {
    return {
      output: {
        type: 'array',
        description: 'Best first.',
        items: {
          type: 'object',
          required: ['label', 'score'],
          properties: {
            label: { type: 'string', enum: model.labels },
            score: { type: 'number', minimum: 0, maximum: 1 },
          },
        },
      },
      parameters: fieldsOf(model),
    }
  },
}

/** `top_k` may exceed the number of labels, as in Hugging Face's clients: then all are given. */
const fieldsOf = ({ labels }: TaskModel) =>
  ({
    top_k: {
      type: 'integer',
      minimum: 1,
      default: Math.min(5, labels.length),
      description: `How many labels to answer; at most all ${labels.length}.`,
    },
  }) as const
