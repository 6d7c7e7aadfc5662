import type { JobProblem } from './job.ts'

/** So many are told; a file that is wrong throughout is wrong once. */
export const maxProblems = 100

/** An input that is wrong line by line: all that is wrong with it. */
export class LinesInvalid extends Error {
  readonly problems: readonly JobProblem[]

  constructor(problems: readonly JobProblem[]) {
    super('The input has lines that are wrong.')
    this.problems = problems
  }
}
