#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import packageManifest from '../../package.json' with { type: 'json' }
import { batchJobCommands } from './batch-job-commands.ts'
import { batchStoreCommands } from './batch-store-commands.ts'
import { batchSubmitCommand } from './batch-submit-command.ts'
import { creditsAddCommand } from './credits-add-command.ts'
import { creditsListCommand } from './credits-list-command.ts'
import { devCommand } from './dev-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { invoiceShowCommand } from './invoice-show-command.ts'
import { invoiceVerifyCommand } from './invoice-verify-command.ts'
import { jobsCommands } from './jobs-commands.ts'
import { keysCreateCommand } from './keys-create-command.ts'
import { keysLimitCommand } from './keys-limit-command.ts'
import { keysListCommand } from './keys-list-command.ts'
import { keysRevokeCommand } from './keys-revoke-command.ts'
import { keysRotateCommand } from './keys-rotate-command.ts'
import { modelsListCommand } from './models-list-command.ts'
import { modelsPublishCommand } from './models-publish-command.ts'
import { modelsShowCommand } from './models-show-command.ts'
import { predictCommand } from './predict-command.ts'
import { reportFailure } from './report-failure.ts'
import { errorColors, outColors } from './terminal.ts'
import { usageCommand } from './usage-command.ts'

/** Commands import what they work with only when they run, so that help is there at once. */
const program = new Command('percall')
  .description('Turns ONNX models into pay-per-call serverless functions.')
  .version(packageManifest.version)
  .showHelpAfterError('Add --help to see what there is.')
  .configureHelp({ styleTitle: outColors.bold })
  .configureOutput({ outputError: (text, write) => write(errorColors.red(text)) })
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  $ percall dev                                    serve every model on this machine
  $ percall predict spam "Win money now, click"   ask a model, without a server
  $ percall batch submit mails.jsonl -m spam       score every record of a file
  $ percall models publish --all                   put the model files into the store
  $ percall keys create --name laptop              make an API key
  $ percall usage                                  see what was called, and what it cost
  $ percall doctor                                 find out what is wrong

Exit codes: 0 it worked, 1 it failed, 2 it was asked for wrongly, 130 it was left with Ctrl+C.
The settings are environment variables, PERCALL_HOME and others: see shared/config/environment.ts.
PERCALL_LOG=debug shows where a failure came from. NO_COLOR=1 leaves out colours.`,
  )

devCommand(program)
predictCommand(program)
const batch = program.command('batch').description('score files, every record once and in order')
batchSubmitCommand(batch)
batchJobCommands(batch)
batchStoreCommands(batch)
jobsCommands(program.command('jobs').description('see, await and cancel calls that were put off'))
const models = program.command('models').description('see and publish the models')
modelsListCommand(models)
modelsShowCommand(models)
modelsPublishCommand(models)
const keys = program.command('keys').description('make, limit, rotate and revoke API keys')
keysCreateCommand(keys)
keysListCommand(keys)
keysLimitCommand(keys)
keysRotateCommand(keys)
keysRevokeCommand(keys)
const credits = program.command('credits').description('see and add credit')
creditsListCommand(credits)
creditsAddCommand(credits)
usageCommand(program)
const invoice = program.command('invoice').description('see and verify invoices')
invoiceShowCommand(invoice)
invoiceVerifyCommand(invoice)
doctorCommand(program)

let json = false
program.hook('preAction', (_program, command) => {
  json = command.opts().json === true
})
// Whoever reads the output may stop early, as `head` does.
process.stdout.on('error', () => process.exit(0))

try {
  await program.parseAsync()
} catch (thrown) {
  // Commander has said already what was asked for wrongly.
  const asked = thrown instanceof CommanderError
  process.exitCode = asked ? Math.min(thrown.exitCode, 1) * 2 : reportFailure(thrown, { json })
}
