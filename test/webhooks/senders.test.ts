import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Received, startReceiver } from '../support/receiver.ts';
import { submission } from '../support/yard.ts';
import { delivered, type HooksYard, openHooks } from './support.ts';

let yard: HooksYard;
beforeAll(async () => {
  yard = await openHooks();
});
afterAll(() => yard[Symbol.asyncDispose]());

it('three senders send each event once', async () => {
  const stops = [yard.send(), yard.send(), yard.send()];
  await using receiver = await startReceiver();
  const { userId, id } = await yard.hook(receiver.url);
  await Promise.all(Array.from({ length: 30 }, () => yard.cancel(userId)));
  const log = await yard.until(id, delivered(60));
  expect(log.every(({ attempts }) => attempts === 1)).toBe(true);
  expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(60);
  expect(receiver.requests).toHaveLength(60);
  await Promise.all(stops.map((stop) => stop()));
});

it.each<[string, (received: Received) => void]>([
  ['hangs', () => undefined],
  [
    'drips its headers',
    ({ response }) => {
      const timer = setInterval(() => response.socket?.write('x'), 20);
      response.once('close', () => clearInterval(timer));
      response.socket?.write('HTTP/1.1 200 OK\r\nx-slow: ');
    },
  ],
])('a receiver that %s has only so much time', async (_what, answer) => {
  const stop = yard.send({ timeoutMs: 500 });
  await using receiver = await startReceiver(answer);
  const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
  await yard.cancel(userId);
  const error = 'it did not answer within 0.5 seconds';
  await yard.until(id, ([one]) => expect(one).toMatchObject({ attempts: 1, error, deliveredAt: null }));
  await stop();
});

/** More than any test takes. */
const LONG_MS = 60_000;

/** A receiver that answers nothing until a test says so, and counts what it leaves open. */
async function startDead() {
  let [open, peak] = [0, 0];
  const hang = ({ response }: Received): void => {
    peak = Math.max(peak, ++open);
    response.once('close', () => open--);
  };
  const receiver = await startReceiver(hang);
  return {
    receiver,
    get open() {
      return open;
    },
    get peak() {
      return peak;
    },
    /** Hangs up, and from now on at once. */
    hangUp(): void {
      receiver.answer = ({ response }) => void response.destroy();
      for (const { response } of receiver.requests) response.destroy();
    },
    hangAgain(): void {
      peak = 0;
      receiver.answer = hang;
    },
  };
}

const isAtRest = (log: readonly { leaseUntil: Date | null }[]): void =>
  expect(log.every(({ leaseUntil }) => leaseUntil === null)).toBe(true);

it('a receiver that hangs does not delay others, however much it has to be told', async () => {
  const stop = yard.send({ timeoutMs: LONG_MS });
  const dead = await startDead();
  await using _ = dead.receiver;
  const { userId, id } = await yard.hook(dead.receiver.url, { events: ['SUBMITTED'] });
  const many = Array.from({ length: 40 }, () =>
    yard.tasks.submit(submission(userId, { model: 'owl' }), 'VIP'),
  );
  await Promise.all(many);
  await dead.receiver.received(8);
  await using receiver = await startReceiver();
  const other = await yard.hook(receiver.url);
  await yard.cancel(other.userId);
  await receiver.received(2);
  expect([dead.open, dead.peak]).toEqual([8, 8]);
  // Soon it is taken to be down, and gets one at a time with rests between.
  dead.hangUp();
  await yard.until(id, (log) => {
    expect(log.filter(({ error }) => error !== null).length).toBeGreaterThanOrEqual(8);
    isAtRest(log);
  });
  const resting = `
    SELECT FROM webhook w WHERE id = $1 AND resting_until > now() + interval '30 seconds'
      AND NOT EXISTS (SELECT FROM webhook_delivery WHERE webhook_id = w.id AND lease_until IS NOT NULL)`;
  await vi.waitFor(async () => expect(await yard.sql(resting, [id])).toHaveLength(1), { timeout: 15_000 });
  const before = dead.receiver.requests.length;
  expect(before).toBeLessThan(40);
  // What it has not been told yet is not given up for that.
  dead.hangAgain();
  await yard.pass(id, '1 minute');
  await dead.receiver.received(before + 1);
  await yard.cancel(other.userId);
  await receiver.received(4);
  expect([dead.open, dead.peak]).toEqual([1, 1]);
  dead.hangUp();
  await yard.until(id, isAtRest);
  dead.receiver.answer = ({ response }) => void response.writeHead(200).end();
  await yard.pass(id, '10 minutes');
  await yard.until(id, delivered(40));
  await stop();
});

it('a user whose receivers hang, however many they are, does not delay others', async () => {
  const dead = await startDead();
  await using _ = dead.receiver;
  const userId = await yard.addUser();
  const many = Array.from({ length: 140 }, (_, n) =>
    yard.tasks.submit(submission(userId, { model: 'owl', webhookUrl: `${dead.receiver.url}/${n}` }), 'VIP'),
  );
  await Promise.all(many);
  const stop = yard.send({ timeoutMs: LONG_MS });
  await dead.receiver.received(64);
  await using receiver = await startReceiver();
  const other = await yard.hook(receiver.url);
  await yard.cancel(other.userId);
  await receiver.received(2);
  expect([dead.open, dead.peak]).toEqual([64, 64]);
  const stopped = stop();
  dead.hangUp();
  await stopped;
});

it('what a sender has under way is taken over when its lease has run out, and its late word changes nothing', async () => {
  await using receiver = await startReceiver(() => undefined);
  const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
  const stops = [yard.send({ timeoutMs: LONG_MS })];
  await yard.cancel(userId);
  await receiver.received(1);
  stops.push(yard.send());
  receiver.answer = ({ response }) => void response.writeHead(200).end();
  await yard.cancel(userId);
  await yard.until(id, delivered(1));
  expect(receiver.requests).toHaveLength(2);
  await yard.pass(id, '75 seconds');
  await yard.until(id, delivered(2));
  receiver.requests[0]?.response.writeHead(500).end();
  await Promise.all(stops.map((stop) => stop()));
  expect(await yard.until(id, delivered(2))).toMatchObject([
    { attempts: 2, responseStatus: 200, error: null },
    { attempts: 1, responseStatus: 200, error: null },
  ]);
  expect(await yard.webhooks.list(userId)).toMatchObject([{ failures: 0 }]);
});

it('what is under way when a sender stops is handed back without an attempt, and sent after the next start', async () => {
  await using receiver = await startReceiver(() => undefined);
  const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
  const stop = yard.send({ timeoutMs: LONG_MS, graceMs: 50 });
  await yard.cancel(userId);
  await receiver.received(1);
  await stop();
  expect(await yard.until(id, () => undefined)).toMatchObject([
    { attempts: 0, leaseUntil: null, error: null },
  ]);
  receiver.answer = ({ response }) => void response.writeHead(200).end();
  const end = yard.send();
  expect(await yard.until(id, delivered(1))).toMatchObject([{ attempts: 1 }]);
  await end();
});

it('a webhook that is deleted gets nothing more, whatever is pending or under way', async () => {
  const stop = yard.send({ timeoutMs: LONG_MS });
  await using receiver = await startReceiver(() => undefined);
  const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
  for (let n = 0; n < 10; n++) await yard.cancel(userId);
  await receiver.received(8);
  await yard.webhooks.remove(userId, id);
  receiver.answer = ({ response }) => void response.writeHead(200).end();
  for (const { response } of receiver.requests) response.writeHead(200).end();
  // Whoever had seen it while it was deleted has written for it.
  await yard.sql(
    `INSERT INTO webhook_delivery (id, webhook_id, type, subject_id, version, status, at)
     VALUES (new_row_id(), $1, 'task.failed', $1, 1, 'FAILED', now())`,
    [id],
  );
  await using other = await startReceiver();
  const next = await yard.hook(other.url, { events: ['CANCELED'] });
  await yard.cancel(next.userId);
  await other.received(1);
  expect(receiver.requests).toHaveLength(8);
  expect(await yard.sql('SELECT FROM webhook_delivery WHERE webhook_id = $1', [id])).toHaveLength(1);
  await yard.webhooks.clean();
  expect(await yard.sql('SELECT FROM webhook_delivery WHERE webhook_id = $1', [id])).toEqual([]);
  expect(await yard.sql('SELECT FROM webhook_secret WHERE owner_id = $1', [id])).toEqual([]);
  await stop();
});

it('a webhook with a long log is deleted at once, and its log soon', async () => {
  const { userId, id } = await yard.hook('http://127.0.0.1:1/');
  await yard.sql(
    `INSERT INTO webhook_delivery (id, webhook_id, type, subject_id, version, status, at, next_attempt_at)
     SELECT new_row_id(), $1, 'task.failed', $1, n, 'FAILED', now(), CASE WHEN n % 2 = 0 THEN now() END
     FROM generate_series(1, 3000) n`,
    [id],
  );
  await yard.webhooks.remove(userId, id);
  expect(await yard.webhooks.list(userId)).toEqual([]);
  await yard.webhooks.clean();
  expect(await yard.sql('SELECT FROM webhook_delivery WHERE webhook_id = $1', [id])).toEqual([]);
});

it('a user who is disabled is told nothing', async () => {
  await using receiver = await startReceiver();
  const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
  await yard.cancel(userId);
  await yard.sql('UPDATE user_account SET disabled = true WHERE id = $1', [userId]);
  const stop = yard.send();
  const [delivery] = await yard.until(id, ([one]) => expect(one?.nextAttemptAt).toBeNull());
  expect(delivery).toMatchObject({ error: 'not sent: the account is disabled', deliveredAt: null });
  expect(receiver.requests).toEqual([]);
  await stop();
});

it('the log is kept for its days, and what is still to be sent as long as it takes', async () => {
  const { userId, id } = await yard.hook('http://127.0.0.1:1/', { events: ['CANCELED'] });
  await yard.cancel(userId);
  await yard.cancel(userId);
  const of = await yard.cancel(userId, 'http://127.0.0.1:1/of-task');
  const old = `UPDATE webhook_delivery SET id = overlay(id::text PLACING '0190' FROM 1 FOR 4)::uuid`;
  await yard.sql(`${old} WHERE subject_id = $1 OR webhook_id = $2`, [of, id]);
  await yard.sql(
    `UPDATE webhook_delivery SET next_attempt_at = NULL
     WHERE subject_id = $1 OR id = (SELECT min(id::text)::uuid FROM webhook_delivery WHERE webhook_id = $2)`,
    [of, id],
  );
  await yard.webhooks.clean();
  expect(await yard.until(id, () => undefined)).toHaveLength(1);
  // What only tasks that are gone had named is forgotten a day later.
  const ofTasks = () => yard.sql('SELECT FROM webhook WHERE user_id = $1 AND for_tasks', [userId]);
  await yard.sql(`UPDATE webhook SET used_at = now() - interval '2 days' WHERE user_id = $1`, [userId]);
  await yard.webhooks.clean();
  expect(await ofTasks()).toHaveLength(1);
  await yard.tasks.remove(of);
  await yard.webhooks.clean();
  expect(await ofTasks()).toEqual([]);
});
