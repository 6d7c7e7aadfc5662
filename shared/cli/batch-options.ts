import type { Command } from 'commander'
import { type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { type ServerOptions, withServerOptions } from './server-options.ts'

export interface BatchOptions extends PlaceOptions, ServerOptions {
  readonly json?: boolean
}

/** Where what comes out is written to, for commands that follow a job to its end. */
export const withResultFiles = (command: Command): Command =>
  command
    .option('-o, --output <file>', 'write the results there; "-" is standard output')
    .option('--errors <file>', 'write the records that could not be scored there')
    .hook('preAction', (_, called) => {
      const { output, errors, json } = called.opts()
      const takers = [output === '-', errors === '-', json === true].filter(Boolean)
      if (takers.length > 1) called.error('error: only one thing can go to standard output')
    })

/** The options that all commands of batches share. */
export const withBatchOptions = (command: Command): Command =>
  withSharedOptions(withServerOptions(command))
