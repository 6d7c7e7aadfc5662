import { tell } from '../harness/tell.ts'
import { type WriteTask, writeRate } from '../harness/write-rate.ts'

/** As much of `@huggingface/transformers` as is asked here. */
interface Transformers {
  readonly AutoModelForCausalLM: {
    from_pretrained(
      folder: string,
      options: object,
    ): Promise<{ generate(o: object): Promise<object> }>
  }
  readonly Tensor: new (type: 'int64', data: BigInt64Array, shape: number[]) => object
}

const [, , url = '', folder = '', waiting = '', words = ''] = process.argv
const { prompt, count, threads }: WriteTask = JSON.parse(words)
const { AutoModelForCausalLM, Tensor }: Transformers = await import(url)
const model = await AutoModelForCausalLM.from_pretrained(folder, {
  local_files_only: true,
  device: 'cpu',
  dtype: 'int8',
  session_options: {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // ONNX Runtime's threads spin while they wait, unless told otherwise.
    ...(waiting === 'asleep' && { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
  },
})
const row = (values: readonly number[]) =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])
const request = {
  input_ids: row(prompt),
  attention_mask: row(prompt.map(() => 1)),
  max_new_tokens: count,
  do_sample: false,
}
tell(
  await writeRate(async (onToken) => {
    let isPrompt = true
    const put = ([[token]]: readonly [readonly [bigint]]) => {
      if (!isPrompt) onToken(Number(token))
      isPrompt = false
    }
    await model.generate({ ...request, streamer: { put, end: () => undefined } })
  }),
)
