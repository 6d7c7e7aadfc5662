import { ServiceError } from '#shared/errors/service-error.ts'
import type { Tensor } from '#shared/runtime/tensor.ts'
import { classify } from './classify.ts'
import { type NgramExtractor, type NgramVocabulary, ngramFrequencies } from './ngram-frequencies.ts'
import { readOptions } from './read-options.ts'
import type { Task, TaskModel } from './task.ts'

const optionFields = {
  features: {
    type: 'string',
    enum: ['text', 'ngram-frequencies'],
    default: 'text',
    description:
      'What the model takes: the text itself, or frequencies of the n-grams in `files.vocabulary`.',
  },
  output: { type: 'string', description: 'The tensor of scores; the first where absent.' },
  characters: {
    type: 'integer',
    minimum: 1,
    default: 10_000,
    description: 'How much of a text n-grams are taken from.',
  },
} as const

/** Which label fits a text: `[{label, score}]` a text, best first. */
export const textClassification: Task = {
  name: 'text-classification',
  media: [],
  rows(inputs) {
    const single = typeof inputs === 'string'
    const rows: unknown[] = single ? [inputs] : Array.isArray(inputs) ? inputs : []
    const wrong = rows.findIndex((row) => typeof row !== 'string')
    if (wrong >= 0) throw invalid(`inputs[${wrong}] must be a string.`)
    if (rows.length === 0) throw invalid('inputs must be a string or a list of strings.')
    return { rows, single }
  },
  check(_, parameters, model) {
    classify.reader(parameters, model, readOptions(model, optionFields).output)
  },
  prepare(rows, parameters, model) {
    const { features, output, characters } = readOptions(model, optionFields)
    const reading = classify.reader(parameters, model, output)
    const input = model.inputs[0]
    const tensor =
      features === 'text'
        ? textTensor(rows, input?.shape.length)
        : ngramTensor(rows, extractorOf(model, characters), input?.shape[1] ?? 0)
    return { tensors: { [input?.name ?? '']: tensor }, ...reading }
  },
  describe: (model) => ({ input: { type: 'string' }, ...classify.describe(model) }),
}

function textTensor(rows: readonly unknown[], rank: number | undefined): Tensor {
  const shape = rank === 1 ? [rows.length] : [rows.length, 1]
  return { datatype: 'BYTES', shape, data: rows.map(String) }
}

function ngramTensor(rows: readonly unknown[], extract: NgramExtractor, width: number): Tensor {
  const data = new Float32Array(rows.length * width)
  rows.forEach((row, index) => {
    extract(String(row), data.subarray(index * width, (index + 1) * width))
  })
  return { datatype: 'FP32', shape: [rows.length, width], data }
}

/** Extractors by vocabulary: the look-up table is built once a model. */
const extractors = new WeakMap<object, NgramExtractor>()

function extractorOf(model: TaskModel, characters: number): NgramExtractor {
  const { vocabulary: file } = (model.options.files ?? {}) as { vocabulary?: string }
  const vocabulary = model.files[file ?? ''] as NgramVocabulary | undefined
  if (!vocabulary) {
    throw new ServiceError('configuration_invalid', {
      detail: `Model ${model.name}: option "files.vocabulary" must name a JSON file of the model.`,
    })
  }
  const extractor = extractors.get(vocabulary) ?? ngramFrequencies(vocabulary, characters)
  extractors.set(vocabulary, extractor)
  return extractor
}

const invalid = (detail: string) => new ServiceError('input_invalid', { detail })
