import { defineConfig } from 'vitest/config';

/** Tests that need Debian packages; `.ci/run` installs them. */
export default defineConfig({
  ssr: { resolve: { conditions: ['node', 'module-sync'] } },
  test: {
    globalSetup: ['test/support/cluster.ts'],
    include: ['test/system/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
