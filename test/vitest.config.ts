import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

/** `npm test`. The tests that need the packaged functions have a configuration of their own. */
export default defineConfig({
  root: resolve(import.meta.dirname, '..'),
  test: {
    include: ['test/**/*.test.ts'],
    // The one server that has to be built is built once, before the tests that need it.
    globalSetup: 'test/servers/install-servers.ts',
    // Models run and servers start in these tests, on as few as two CPUs.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
