import type { Command } from 'commander'

export interface ServerOptions {
  readonly url?: string
  readonly key?: string
}

/** The options of commands that may ask a server. */
export const withServerOptions = (command: Command): Command =>
  command
    .option('--url <address>', 'ask this server rather than this process')
    .option('--key <key>', 'the API key for --url (default: PERCALL_API_KEY, or the key of "dev")')
    .hook('preAction', (_, called) => {
      const { key, url } = called.opts<ServerOptions>()
      if (key !== undefined && url === undefined) called.error('error: --key belongs to --url')
    })
