import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type Environment, readEnvironment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

/** What every command may be told of where things lie. */
export interface PlaceOptions {
  readonly home?: string
  readonly models?: string
}

/** Adds the options that all commands share. */
export function withSharedOptions(command: Command): Command {
  return command
    .option('--home <folder>', 'where data is kept (default: PERCALL_HOME, or .percall)')
    .option('--models <folder>', 'the folder of model folders (default: those of percall)')
    .option('--json', 'print JSON, and nothing else, on standard output')
}

/**
 * The environment, with what the options say put over it.
 * @throws ServiceError `configuration_invalid`
 */
export function commandEnvironment({ home, models }: PlaceOptions): Environment {
  const environment = {
    ...readEnvironment(),
    ...(home !== undefined && { PERCALL_HOME: home }),
    ...(models !== undefined && { PERCALL_MODELS: models }),
  }
  // What a command imports from here on is compiled once: most of the time of a short one.
  const { PERCALL_MODELS, PERCALL_HOME } = environment
  if (existsSync(PERCALL_HOME)) enableCompileCache(join(PERCALL_HOME, 'code'))
  if (PERCALL_MODELS === undefined || existsSync(PERCALL_MODELS)) return environment
  throw new ServiceError('configuration_invalid', {
    detail: `There is no folder of models at ${PERCALL_MODELS}.`,
    fix: 'Correct --models or PERCALL_MODELS, or leave it out to use the models of percall.',
  })
}
