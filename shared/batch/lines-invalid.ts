import type { JobProblem } from './job.ts'

/** An input that is wrong line by line: all that is wrong with it. */
export class LinesInvalid extends Error {
  readonly problems: readonly JobProblem[]

  constructor(problems: readonly JobProblem[]) {
    super('The input has lines that are wrong.')
    this.problems = problems
  }
}
