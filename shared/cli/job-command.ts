import type { Command } from 'commander'
import { withBatchOptions } from './batch-options.ts'
import { jobId } from './job-id.ts'

/** A command about one job, of a batch or of a call that was put off. */
export const jobCommand = (group: Command, name: string, description: string): Command =>
  withBatchOptions(group.command(name).description(description).argument('<job>', 'its id', jobId))

/** What the help of a command ends with: how commands of its group are called. */
export const examplesOf = (group: Command, ...calls: readonly string[]): string =>
  `\nExamples:\n${calls.map((call) => `  $ percall ${group.name()} ${call}`).join('\n')}`
