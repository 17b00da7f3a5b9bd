import { defineConfig } from 'vitest/config';

export default defineConfig({
  // As Node itself resolves: graphql refuses to be loaded in two builds at once.
  ssr: { resolve: { conditions: ['node', 'module-sync'] } },
  test: {
    globalSetup: ['test/support/cluster.ts'],
    include: ['test/**/*.test.ts'],
    exclude: ['test/system/**', 'node_modules/**'],
    pool: 'forks',
    maxWorkers: 3,
    isolate: false,
    // How long is waited for an event, or for a test, says nothing of the product: a busy machine may take its time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
  },
});
