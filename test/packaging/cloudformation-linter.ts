import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '#functions/packaging/function-folder.ts'

/** What is wrong with a template: the place of it, and a sentence. */
export interface TemplateFinding {
  readonly file: string
  readonly rule: string
  readonly path: string
  readonly message: string
}

/** Whether this machine has a Python that makes environments; `.ci/run` installs one. */
export const hasPython = spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0

/** osls names what a resource depends on beside referring to it: needless, and no mistake. */
const allowed = 'W3005'
const region = 'eu-central-1'

/**
 * Checks templates against the schemas of CloudFormation, as AWS publishes them and cfn-lint brings
 * them: types, members, values, references. Without an account.
 */
export function lintTemplates(files: readonly string[]): TemplateFinding[] {
  const args = ['--regions', region, '--ignore-checks', allowed, '--format', 'json']
  const { status, stdout, stderr } = spawnSync(linter(), [...args, '--template', ...files], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const findings = JSON.parse(stdout || '[]') as Finding[]
  if (status !== 0 && findings.length === 0)
    throw new Error(`cfn-lint ended with ${status}: ${stderr}`)
  return findings.map(({ Filename, Rule, Location, Message }) => ({
    file: Filename,
    rule: Rule.Id,
    path: Location.Path.join('/'),
    message: Message,
  }))
}

/** A part of what cfn-lint writes. */
interface Finding {
  readonly Filename: string
  readonly Rule: { readonly Id: string }
  readonly Location: { readonly Path: readonly (string | number)[] }
  readonly Message: string
}

/** The program, of pinned packages, installed once and kept in `.cache/`. */
function linter(): string {
  const requirements = join(import.meta.dirname, 'requirements.txt')
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  const folder = join(repositoryRoot, `.cache/cfn-lint-${digest.slice(0, 12)}`)
  const program = join(folder, 'bin/cfn-lint')
  const isWhole = join(folder, 'whole')
  if (existsSync(isWhole)) return program
  rmSync(folder, { recursive: true, force: true })
  execFileSync('python3', ['-m', 'venv', folder])
  const args = ['install', '--quiet', '--only-binary=:all:', '--requirement', requirements]
  execFileSync(join(folder, 'bin/pip'), args, { stdio: 'pipe' })
  writeFileSync(isWhole, '')
  return program
}
