import type { Architecture } from '#functions/packaging/package-files.ts'

/** Of the machine that measures. */
export const architecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64'
