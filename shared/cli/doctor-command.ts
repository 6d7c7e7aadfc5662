import type { Command } from 'commander'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { outColors, print, printJson } from './terminal.ts'

/** `percall doctor`: whether everything that percall needs is there and works. */
export function doctorCommand(program: Command): void {
  withSharedOptions(program.command('doctor').description('find out what does not work here'))
    .addHelpText(
      'after',
      `
Examples:
  $ percall doctor
  $ percall doctor --json | jq '.checks[] | select(.ok | not)'

Every model's file is read and run: its golden sample must come out right on this very CPU.
The exit code is 1 where something is red.`,
    )
    .action(doctor)
}

async function doctor(options: PlaceOptions & { json?: boolean }): Promise<void> {
  const { runCheck, doctorChecks } = await import('./doctor-checks.ts')
  const { red, green, dim } = outColors
  const results = []
  for (const check of doctorChecks(commandEnvironment(options))) {
    const result = await runCheck(check)
    results.push(result)
    if (options.json) continue
    const { ok, name, detail, fix } = result
    print(`${ok ? green('✔') : red('✖')} ${name.padEnd(20)} ${ok ? dim(detail) : detail}`)
    if (fix !== undefined) print(`${' '.repeat(23)}→ ${fix}`)
  }
  const failed = results.filter(({ ok }) => !ok).length
  if (options.json) printJson({ ok: failed === 0, checks: results })
  else print(failed === 0 ? '\nAll is well.' : `\n${failed} of ${results.length} checks failed.`)
  process.exitCode = failed === 0 ? 0 : 1
}
