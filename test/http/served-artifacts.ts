import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ArtifactsOptions } from '../../src/artifacts/index.ts';
import { createServeArtifact } from '../../src/http/artifacts.ts';
import { openTestArtifacts, type TestArtifacts } from '../artifacts/support.ts';
import { testLog } from '../support/log.ts';

export interface ServedArtifacts extends AsyncDisposable {
  readonly house: TestArtifacts;
  readonly url: string;
}

/** Artifacts behind an HTTP server that has nothing else. */
export async function serveArtifacts(options: Partial<ArtifactsOptions> = {}): Promise<ServedArtifacts> {
  let url = '';
  const house = await openTestArtifacts({ publicUrl: () => url, maxBytes: 50_000_000, ...options });
  const serveArtifact = createServeArtifact({ artifacts: house.artifacts, log: testLog });
  const server = createServer(async (request, response) => {
    if (!(await serveArtifact(request, response))) response.writeHead(418).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return {
    house,
    url,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await house[Symbol.asyncDispose]();
    },
  };
}
