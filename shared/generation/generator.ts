/**
 * A language model that writes: tokens of text, one after the other. Several generations share its
 * runs (continuous batching, after Yu et al., "Orca", OSDI 2022); what one of them gets never
 * depends on its neighbours.
 */
export interface Generator {
  /**
   * Goes on with a prompt until a stop token, a limit or `signal` ends it. The stop token is given
   * too, as the last one: so who counts tokens knows why they ended. A generation that is
   * aborted, or whose iterator is returned, costs no further run.
   * @throws ServiceError `prompt_too_long`, `inference_failed`, `out_of_memory`, `overloaded`,
   * `deadline_exceeded` where a run had to be ended
   */
  generate(request: GenerateRequest): AsyncIterable<GeneratedToken>
  readonly contextTokens: number
  close(): Promise<void>
}

export interface GenerateRequest {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  /** 0 takes the likeliest token every time. */
  readonly temperature: number
  /** Of the likeliest tokens those whose probabilities add up to this (Holtzman et al., 2020). */
  readonly topP: number
  /** The same seed, prompt and settings give the same tokens. */
  readonly seed: number
  readonly stopTokens: readonly number[]
  /** Whether each token comes with its probability: it costs a pass over the vocabulary. */
  readonly logProbabilities?: boolean | undefined
  /** Aborted by a timeout, the run under way must end soon as well, where it can be ended. */
  readonly signal?: AbortSignal | undefined
}

export interface GeneratedToken {
  readonly token: number
  /** Where asked for: natural logarithm of the probability that the model gave it, before temperature. */
  readonly logProbability?: number
}

/** Text to tokens and back, of one model. */
export interface Tokenizer {
  encode(text: string): number[]
  /** Bytes rather than text: a character may be spread over several tokens. */
  decodeBytes(tokens: readonly number[]): Uint8Array
  /** A conversation as the model was taught to read it. */
  chat(messages: readonly ChatMessage[]): number[]
  readonly stopTokens: readonly number[]
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}
