import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { repositoryRoot } from '#functions/packaging/function-folder.ts'

/**
 * What a deployment with these parameters would send, without the zips, which must have been packaged.
 * @returns a folder, which goes when the test ends
 */
export function packageStage(parameters: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'percall-stage-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const given = Object.entries({ architecture: 'arm64', ...parameters })
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      ...['node_modules/.bin/serverless', 'package', '--package', folder],
      ...given.map(([name, value]) => `--param=${name}=${value}`),
    ],
    { cwd: repositoryRoot, encoding: 'utf8' },
  )
  expect(status, `${stdout}${stderr}`).toBe(0)
  return folder
}
