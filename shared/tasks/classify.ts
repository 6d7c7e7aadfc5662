import { ServiceError } from '#shared/errors/service-error.ts'
import type { Tensors } from '#shared/runtime/tensor.ts'
import type { JsonBytes } from './json-bytes.ts'
import { bestPlaces, type LabelScore, rankLabels } from './rank-labels.ts'
import { readFields } from './read-fields.ts'
import type { AnswerWriter, TaskModel } from './task.ts'

/** What the three classifying tasks share: `top_k`, and scores of a `[rows, labels]` output. */
export interface Classifier {
  /** @throws ServiceError `parameter_invalid` */
  reader(
    parameters: Readonly<Record<string, unknown>>,
    model: TaskModel,
    output: string | undefined,
  ): {
    interpret(outputs: Tensors): LabelScore[][]
    writer(outputs: Tensors): AnswerWriter
  }
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
    const width = model.labels.length
    const scoresOf = (outputs: Tensors): Float32Array => {
      const tensor = outputs[output ?? '']
      if (tensor?.data instanceof Float32Array && tensor.shape[1] === width) return tensor.data
      throw new ServiceError('configuration_invalid', {
        detail: `Model ${model.name}: output "${output}" is not float32 of shape [rows, ${width}].`,
      })
    }
    return {
      interpret(outputs) {
        const data = scoresOf(outputs)
        return Array.from({ length: data.length / width }, (_, row) =>
          rankLabels(data.subarray(row * width, (row + 1) * width), model.labels, count),
        )
      },
      writer(outputs) {
        const scores = scoresOf(outputs)
        const starts = startsOf(model.labels)
        const places = new Int32Array(Math.min(count, width))
        const write = (row: number, into: JsonBytes): boolean => {
          const first = row * width
          if (bestPlaces(scores, first, width, places) < places.length) return false
          for (let rank = 0; rank < places.length; rank += 1) {
            const place = places[rank] as number
            const score = scores[first + place] as number
            if (!Number.isFinite(score)) return false
            into.bytes(rank === 0 ? opening : between)
            into.bytes(starts[place] as Uint8Array)
            into.float(score)
          }
          into.bytes(closing)
          return true
        }
        return { rows: scores.length / width, write }
      },
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

const opening = Buffer.from('[')
const between = Buffer.from('},')
const closing = Buffer.from('}]')

/** `{"label":"ham","score":` of each label; made once a model. */
const knownStarts = new WeakMap<readonly string[], readonly Uint8Array[]>()

function startsOf(labels: readonly string[]): readonly Uint8Array[] {
  const known = knownStarts.get(labels)
  if (known) return known
  const starts = labels.map((label) => Buffer.from(`{"label":${JSON.stringify(label)},"score":`))
  knownStarts.set(labels, starts)
  return starts
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
