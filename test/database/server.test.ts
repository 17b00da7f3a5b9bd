import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findBinaries } from '../../src/database/embedded/binaries.ts';
import { findIdentity } from '../../src/database/embedded/identity.ts';
import { startServer } from '../../src/database/embedded/server.ts';
import { capturedLog, testLog } from '../support/log.ts';
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
  const { log, lines } = capturedLog('debug');
  const options = { binaries, cluster, identity, durable: false, log };

  const starting = startServer(options, address.port);
  await expect.poll(() => lines.map(({ msg }) => msg)).toContain('starting PostgreSQL again');
  holder.close();
  const server = await starting;
  expect(server.port).toBe(address.port);
  await server.stop();
});
