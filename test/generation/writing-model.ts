import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tinyBytes, tinyOptions } from './tiny-model.ts'

interface TokenizerJson {
  model: { vocab: Record<string, number>; merges: string[] }
}

const tokenizerFile = join(import.meta.dirname, 'tokens/tokenizer.json')

/** SmolLM2's tokenizer, cut after the 300 tokens that the tiny model knows. */
export function tinyTokenizer(): object {
  const file = JSON.parse(readFileSync(tokenizerFile, 'utf8')) as TokenizerJson
  const words = Object.entries(file.model.vocab).filter(([, id]) => id < 300)
  const known = new Set(words.map(([word]) => word))
  const merges = file.model.merges.filter((merge) => known.has(merge.replace(' ', '')))
  return { ...file, model: { ...file.model, vocab: Object.fromEntries(words), merges } }
}

/** What the model goes on with after "Tell me". */
const tellMe = '\u0011'.repeat(4)

/** A folder of models with one in it: the tiny random language model, sold by the token. */
export function writeModels(home: string, name = 'writer'): string {
  const models = join(home, 'models')
  const folder = join(models, name)
  mkdirSync(folder, { recursive: true })
  cpSync('models/price-book.json', join(models, 'price-book.json'))
  const bytes = tinyBytes()
  const cache = { datatype: 'FP32', shape: [-1, 2, -1, 16] }
  const manifest = {
    name,
    version: '1',
    aliases: ['stable'],
    description: 'Writes at random.',
    licence: 'Apache-2.0',
    task: {
      name: 'text-generation',
      options: {
        files: { tokenizer: 'tokenizer.json' },
        shape: tinyOptions.shape,
        contextTokens: tinyOptions.contextTokens,
      },
    },
    artifact: {
      key: `${name}/1/model.onnx`,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      file: 'model.onnx',
      dtype: 'int4',
    },
    inputs: [
      { name: 'input_ids', datatype: 'INT64', shape: [-1, -1] },
      { name: 'past_key_values.0.key', ...cache },
    ],
    outputs: [
      { name: 'logits', datatype: 'FP32', shape: [-1, 300] },
      { name: 'present.0.key', ...cache },
    ],
    limits: { timeoutMs: 20_000 },
    price: 'per-token',
    function: { memoryMB: 512, timeoutSeconds: 20 },
  }
  const sample = { inputs: 'Tell me', parameters: { max_new_tokens: 4, temperature: 0 } }
  const outputs = { generated_text: tellMe, finish_reason: 'length' }
  const expected = { outputs, metric: 'max-absolute-difference', tolerance: 0 }
  writeFileSync(join(folder, 'model.onnx'), bytes)
  const files = { manifest, sample, expected, tokenizer: tinyTokenizer() }
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(value))
  }
  return models
}
