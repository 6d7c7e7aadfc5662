import { type Command, InvalidArgumentError } from 'commander'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { tenantOption } from './tenant-option.ts'
import { errorColors, note, outColors, print, printJson } from './terminal.ts'

interface RotateOptions extends PlaceOptions {
  readonly tenant: string
  readonly overlapSeconds: number
  readonly json?: boolean
}

/** `percall keys rotate`: a new key with the same rights, its text shown this once. */
export function keysRotateCommand(keys: Command): void {
  const command = keys
    .command('rotate')
    .description('make a key with the same rights, and let the old one run out')
    .argument('<id>', 'the id of the old one')
    .option('--overlap-seconds <seconds>', 'how long the old one still works', seconds, 86_400)
    .addOption(tenantOption('whose key'))
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall keys rotate 7Qm2XbT9                        the old key works for one more day
  $ percall keys rotate 7Qm2XbT9 --overlap-seconds 0    it ends now, everywhere within seconds`,
    )
    .action(async (id: string, options: RotateOptions) => {
      const { withKeys } = await import('./with-keys.ts')
      const { accountAnswers } = await import('#shared/protocols/account-answers.ts')
      const { overlapSeconds } = options
      const { key, summary } = await withKeys(
        commandEnvironment(options),
        (manager) => manager.rotate(id, { overlapSeconds }),
        options,
      )
      if (options.json) return printJson({ key, ...accountAnswers.key(summary) })
      print(outColors.bold(key))
      note(
        `${errorColors.yellow('!')} Copy it now: only its hash is kept, and it cannot be shown again.`,
      )
      note(errorColors.dim(`  ${id} ends in ${overlapSeconds} s; the new one is ${summary.id}`))
    })
}

function seconds(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Seconds are a whole number from 0.')
}
