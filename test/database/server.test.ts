import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findBinaries } from '../../src/database/embedded/binaries.ts';
import { findIdentity } from '../../src/database/embedded/identity.ts';
import { startServer } from '../../src/database/embedded/server.ts';
import { testLog } from '../support/log.ts';
import { makeTemplate } from './support.ts';

test('a port that somebody else holds for a moment is waited for', async () => {
  await using folder = await makeTemplate();
  const cluster = path.join(folder.path, 'cluster');
  const identity = await findIdentity(cluster, testLog);
  const binaries = await findBinaries({ place: folder.path, identity, log: testLog });
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = holder.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const options = { binaries, cluster, identity, durable: false, log: testLog };

  const starting = startServer(options, address.port);
  setTimeout(() => holder.close(), 300);
  const server = await starting;
  expect(server.port).toBe(address.port);
  await server.stop();
});
