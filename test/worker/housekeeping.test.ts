import { expect, test } from 'vitest';
import { createAccounts, defaultTiers } from '../../src/accounts/index.ts';
import { createFeed } from '../../src/events/index.ts';
import { createGenerations } from '../../src/generations/index.ts';
import { createKnowledge } from '../../src/knowledge/index.ts';
import { createSchedules } from '../../src/schedules/index.ts';
import { createUrlGuard } from '../../src/urls/index.ts';
import { createWebhooks } from '../../src/webhooks/index.ts';
import { createHousekeeping } from '../../src/worker/index.ts';
import { testLog } from '../support/log.ts';
import { openWorkers } from './support.ts';

test('the housekeeping releases what is due, fails what is overdue and takes what lost workers held', async () => {
  await using yard = await openWorkers();
  const accounts = createAccounts({
    database: yard.database,
    carrier: yard.carrier,
    jwtSecret: new Uint8Array(32),
    tiers: defaultTiers,
    registration: 'open',
    log: testLog,
  });
  const guard = createUrlGuard({ allowHosts: [] });
  const webhooks = createWebhooks({ ...yard, guard, logDays: 14, log: testLog });
  const schedules = createSchedules({ ...yard, webhooks, config: { taskRetentionDays: 30 }, log: testLog });
  const feed = createFeed({ ...yard, log: testLog });
  const generations = createGenerations({ ...yard, feed, config: { taskRetentionDays: 30 }, log: testLog });
  const stopping = new AbortController();
  const knowledge = await createKnowledge({ ...yard, feed, log: testLog });
  const duties = { accounts, schedules, generations, knowledge, webhooks };
  const running = createHousekeeping({ ...yard, ...duties, log: testLog }).run(stopping.signal);

  const node = await yard.addNode();
  const due = await yard.submit({ startAt: new Date(Date.now() + 500) });
  const overdue = await yard.submit({ deadline: new Date(Date.now() + 700) });
  await yard.until(due, { status: 'QUEUED' });
  await yard.until(overdue, { status: 'FAILED' });
  const [claimed] = await yard.tasks.claim({ workerId: yard.workerId, limit: 1 });
  expect(claimed?.lease).toMatchObject({ taskId: due, nodeId: node });
  await yard.sql("UPDATE worker SET lease_until = now() - interval '1 ms'");
  await yard.until(due, { status: 'QUEUED' });

  stopping.abort();
  await running;
  await generations.close();
  await feed.close();
  await accounts.close();
  await guard.close();
});
