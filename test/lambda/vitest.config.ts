import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Tests that need the compiled runtime client and the zips: `npm run test:lambda`. */
export default defineConfig({
  root: resolve(import.meta.dirname, '../..'),
  test: {
    include: ['test/lambda/*.lambda.ts'],
    globalSetup: 'test/lambda/set-up.ts',
    // Cold starts are timed: nothing else of ours may run beside them.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 600_000,
  },
})
