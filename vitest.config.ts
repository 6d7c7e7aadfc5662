import { defineConfig } from 'vitest/config'

/** `npm test`. The tests that need the packaged functions have a configuration of their own. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Models run and servers start in these tests, on as few as two CPUs.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
