import type { Command } from 'commander'
import { type PlaceOptions, withSharedOptions } from './command-environment.ts'

export interface BatchOptions extends PlaceOptions {
  readonly url?: string
  readonly key?: string
  readonly json?: boolean
}

/** The options that all commands of batches share. */
export function withBatchOptions(command: Command): Command {
  command
    .option('--url <address>', 'ask this server rather than this process')
    .option('--key <key>', 'the API key for --url (default: PERCALL_API_KEY, or the key of "dev")')
  return withSharedOptions(command)
}
