import { execFileSync } from 'node:child_process'
import { buildRuntimeClient } from './build-runtime-client.ts'

/** Compiles the runtime client if need be, and packages every function for this machine. */
export function setup(): void {
  buildRuntimeClient()
  const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64'
  const args = ['functions/package.ts', '--architecture', architecture]
  execFileSync(process.execPath, args, { stdio: 'inherit' })
}
