import { existsSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Question } from './ask-model.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import type { Answer } from './prediction-text.ts'
import { predictionText } from './prediction-text.ts'
import { type ServerOptions, withServerOptions } from './server-options.ts'
import { print, printJson } from './terminal.ts'

interface PredictOptions extends PlaceOptions, ServerOptions {
  readonly sample?: boolean
  readonly parameter: Readonly<Record<string, unknown>>
  readonly json?: boolean
  readonly async?: boolean
}

/** `percall predict`: one call, in this process or to a server. */
export function predictCommand(program: Command): void {
  const command = program
    .command('predict')
    .description('ask a model, in this process or on a server')
    .argument('<model>', 'its name; with a version or alias as in iris@1')
    .argument('[input...]', 'text, JSON, @file, or - for standard input')
    .option('--sample', "ask the model's own sample")
    .option(
      '-p, --parameter <name=value>',
      'a parameter of the task; may be repeated',
      parameter,
      {},
    )
  withServerOptions(command).option(
    '--async',
    'have the server of --url answer later; prints the id of the job',
  )
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall predict language-id "Ceci n'est pas une pipe"
  $ percall predict iris '[[5.1, 3.5, 1.4, 0.2], [6, 3, 5, 2]]' --json
  $ percall predict faces @photo.jpg -p threshold=0.7
  $ percall predict spam - < mail.txt
  $ percall predict iris --sample --url http://127.0.0.1:8080
  $ percall predict iris --sample --url http://127.0.0.1:8080 --async

Several inputs are asked as one list. On a terminal the answer is a table, elsewhere it is JSON.`,
    )
    .action((model: string, words: string[], options: PredictOptions) => {
      if ((options.sample ?? false) === words.length > 0) {
        command.error('error: give either an input or --sample')
      }
      if (options.async && options.url === undefined) {
        command.error('error: --async belongs to --url')
      }
      return predict(model, words, options)
    })
}

async function predict(model: string, words: string[], options: PredictOptions): Promise<void> {
  const { readInput } = await import('./read-input.ts')
  const environment = commandEnvironment(options)
  const question = {
    model,
    body: options.sample ? undefined : await readInput(words),
    parameters: options.parameter,
  }
  try {
    await ask(question, environment, options)
  } catch (thrown) {
    throw options.sample ? thrown : withFileHint(thrown, words)
  }
}

async function ask(
  question: Question,
  environment: Environment,
  options: PredictOptions,
): Promise<void> {
  const { askServer, askServerLater, askHere } = await import('./ask-model.ts')
  const { url, key } = options
  if (options.async && url !== undefined) {
    const id = await askServerLater(question, environment, { url, key })
    return options.json ? printJson({ id }) : print(id)
  }
  const answer: Answer =
    url === undefined
      ? await askHere(question, environment)
      : await askServer(question, environment, { url, key })
  if (options.json || process.stdout.isTTY !== true) printJson(answer)
  else print(predictionText(answer))
}

/** A word that was refused as an input, and is the name of a file, was meant as that. */
function withFileHint(thrown: unknown, words: readonly string[]): unknown {
  const error = ServiceError.from(thrown)
  const file = words.find((word) => !word.startsWith('@') && existsSync(word))
  if (error.code !== 'input_invalid' || file === undefined) return thrown
  const { detail, model } = error
  return new ServiceError('input_invalid', {
    ...(detail !== undefined && { detail }),
    ...(model !== undefined && { model }),
    fix: `To send the file, write @${file}.`,
    cause: thrown,
  })
}

/** `top_k=3`: a number, a boolean or other JSON as such, anything else as text. */
function parameter(word: string, earlier: Record<string, unknown>): Record<string, unknown> {
  const [, name, text] = /^([^=]+)=(.*)$/s.exec(word) ?? []
  if (name === undefined || text === undefined) {
    throw new InvalidArgumentError('Write it as name=value.')
  }
  try {
    return { ...earlier, [name]: JSON.parse(text) }
  } catch {
    return { ...earlier, [name]: text }
  }
}
