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
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // How long is waited for an event says nothing of the product: a busy machine may take its time.
    expect: { poll: { timeout: 10_000 } },
  },
});
