import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeId } from '../../src/ids.ts';
import { type Received, startReceiver } from '../support/receiver.ts';
import { delivered, type HooksYard, openHooks } from './support.ts';

let yard: HooksYard;
beforeAll(async () => {
  yard = await openHooks();
  yard.send();
});
afterAll(() => yard[Symbol.asyncDispose]());

const status =
  (code: number, headers: Record<string, string> = {}) =>
  ({ response }: Received): void =>
    void response.writeHead(code, headers).end();

/** What a receiver reads who checks the signature first. */
function verified({ headers, body }: Received, secret: string) {
  const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  return new Webhook(secret).verify(body, flat) as { type: string; timestamp: string; data: object };
}

describe('a webhook', () => {
  it('is told each event of its user’s tasks, signed, with ids and states and nothing else', async () => {
    await using receiver = await startReceiver();
    const { userId, id, secret } = await yard.hook(`${receiver.url}/hook?key=1`);
    const taskId = await yard.succeed(userId);
    await yard.succeed(await yard.addUser());
    const requests = await receiver.received(3);
    const told = requests.map((request) => verified(request, secret));
    const task = encodeId('Task', taskId);
    const data = (version: number, state: string, attempt: number) => ({
      ...{ taskId: task, kind: 'TEXT_TO_IMAGE', status: state, version, attempt },
    });
    expect(told.toSorted((a, b) => a.type.localeCompare(b.type))).toEqual([
      { type: 'task.started', timestamp: expect.any(String), data: data(2, 'RUNNING', 1) },
      { type: 'task.submitted', timestamp: expect.any(String), data: data(1, 'QUEUED', 0) },
      { type: 'task.succeeded', timestamp: expect.any(String), data: data(3, 'SUCCEEDED', 1) },
    ]);
    expect(requests[0]).toMatchObject({
      path: '/hook?key=1',
      headers: { 'content-type': 'application/json' },
    });
    expect(requests.map(({ headers }) => headers['webhook-id']).toSorted()).toEqual(
      [1, 2, 3].map((version) => `${task}_${version}`),
    );
    const log = await yard.until(id, delivered(3));
    expect(log[0]).toMatchObject({ attempts: 1, responseStatus: 204, error: null, nextAttemptAt: null });
    const [request] = requests;
    if (!request) throw new Error('nothing was sent');
    expect(() => verified({ ...request, body: request.body.replace('task.', 'Task.') }, secret)).toThrow();
  });

  it('is told only of the types that it names', async () => {
    await using receiver = await startReceiver();
    const { userId, id } = await yard.hook(receiver.url, { events: ['SUCCEEDED', 'FAILED'] });
    await yard.cancel(userId);
    await yard.succeed(userId);
    const log = await yard.until(id, delivered(1));
    expect(log.map(({ type }) => type)).toEqual(['task.succeeded']);
  });

  it('of one task is told of that task, signed with its user’s secret, the one before included for a day', async () => {
    await using receiver = await startReceiver();
    const userId = await yard.addUser();
    const first = await yard.webhooks.rotateSecret(userId, null);
    const second = await yard.webhooks.rotateSecret(userId, null);
    await yard.cancel(userId);
    const taskId = await yard.cancel(userId, `${receiver.url}/one`);
    const requests = await receiver.received(2);
    for (const secret of [first, second]) {
      expect(requests.map((request) => verified(request, secret).data)).toEqual([
        expect.objectContaining({ taskId: encodeId('Task', taskId) }),
        expect.objectContaining({ taskId: encodeId('Task', taskId) }),
      ]);
    }
    await yard.sql('UPDATE webhook_secret SET previous_until = now() WHERE owner_id = $1', [userId]);
    await yard.cancel(userId, `${receiver.url}/one`);
    const [, , third] = await receiver.received(3);
    if (!third) throw new Error('nothing was sent');
    expect(() => verified(third, first)).toThrow();
    expect(verified(third, second).type).toMatch(/^task\./);
    // One webhook for all tasks that name the URL.
    expect((await yard.webhooks.ofTasks([taskId])).get(taskId)).toMatchObject({ url: `${receiver.url}/one` });
    expect(await yard.sql('SELECT FROM webhook WHERE user_id = $1', [userId])).toHaveLength(1);
  });

  it('whose URL a task names as well is told once', async () => {
    await using receiver = await startReceiver();
    const { userId, id, secret } = await yard.hook(receiver.url);
    await yard.cancel(userId, receiver.url);
    const requests = await receiver.received(2);
    for (const request of requests) verified(request, secret);
    expect(await yard.until(id, delivered(2))).toHaveLength(2);
  });

  it('is not told of what was rolled back', async () => {
    await using receiver = await startReceiver();
    const { userId, id } = await yard.hook(receiver.url);
    const taskId = await yard.cancel(userId);
    const undone = yard.database.lanes.transact(async (tx) => {
      await tx.query(
        `INSERT INTO task_event (task_id, version, type, status, attempt) VALUES ($1, 3, 'RETRIED', 'QUEUED', 0)`,
        [taskId],
      );
      expect(await tx.query('SELECT FROM webhook_delivery WHERE subject_id = $1', [taskId])).toHaveLength(3);
      throw new Error('rolled back');
    });
    await expect(undone).rejects.toThrow('rolled back');
    expect(await yard.until(id, delivered(2))).toHaveLength(2);
  });
});

describe('a receiver that fails', () => {
  it('is tried again at the times of Standard Webhooks, then given up; lasting failure disables and is told', async () => {
    await using receiver = await startReceiver(status(500));
    await using other = await startReceiver();
    const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
    const others = await yard.webhooks.create(userId, { url: other.url });
    const now = async () => (await yard.sql<{ now: Date }>('SELECT now()'))[0]?.now ?? new Date(0);
    let before = await now();
    await yard.cancel(userId);
    const seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (const [n, delay] of seconds.entries()) {
      const [delivery] = await yard.until(id, ([one]) => {
        expect(one).toMatchObject({ attempts: n + 1, responseStatus: 500, leaseUntil: null });
      });
      const secondsSince = (time: Date): number => (Number(delivery?.nextAttemptAt) - time.getTime()) / 1_000;
      expect(secondsSince(before)).toBeGreaterThanOrEqual(delay);
      before = await now();
      expect(secondsSince(before)).toBeLessThanOrEqual(delay * 1.1);
      await yard.pass(id, `${delay * 1.1} seconds`);
    }
    const [last] = await yard.until(id, ([one]) =>
      expect(one).toMatchObject({ attempts: 10, nextAttemptAt: null }),
    );
    expect(last).toMatchObject({ error: 'it answered with status 500', deliveredAt: null });
    const webhook = await yard.database.prisma.webhook.findUniqueOrThrow({ where: { id } });
    expect(webhook).toMatchObject({ enabled: false, failures: 10 });
    expect(webhook.disabledReason).toMatch(
      /^nothing could be delivered since .*: it answered with status 500$/,
    );
    // Its user's other webhook, beside the two events of the task.
    const requests = await other.received(3);
    const told = verified(requests.at(-1) as Received, others.secret);
    expect(told).toMatchObject({ type: 'webhook.disabled', data: { webhookId: encodeId('Webhook', id) } });

    // Nothing more is written for it, until a redelivery gets through.
    await yard.cancel(userId);
    expect(await yard.until(id, () => undefined)).toHaveLength(1);
    receiver.answer = status(200);
    await yard.webhooks.redeliver(userId, last?.id ?? '');
    const log = await yard.until(id, delivered(1));
    expect(log).toMatchObject([{ attempts: 10 }, { attempts: 1, byHand: true, responseStatus: 200 }]);
    expect(receiver.requests.at(-1)?.headers['webhook-id']).toBe(receiver.requests[0]?.headers['webhook-id']);
    await yard.cancel(userId);
    await yard.until(id, delivered(2));
  });

  it('and has more to be told than it can be tried with is disabled all the same, after three and a half days', async () => {
    await using receiver = await startReceiver(status(500));
    const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
    await yard.cancel(userId);
    await yard.until(id, ([one]) => expect(one).toMatchObject({ attempts: 1, leaseUntil: null }));
    await yard.sql(
      `INSERT INTO webhook_delivery (id, webhook_id, type, subject_id, version, status, at)
       SELECT new_row_id(), $1, 'task.canceled', $1, n, 'CANCELED', now() FROM generate_series(1, 2500) n`,
      [id],
    );
    await yard.pass(id, '83 hours', false);
    const enabled = () => yard.sql<{ enabled: boolean }>('SELECT enabled FROM webhook WHERE id = $1', [id]);
    await yard.until(id, (log) => {
      expect(log.filter(({ attempts }) => attempts > 0).length).toBeGreaterThan(4);
      expect(log.every(({ leaseUntil }) => leaseUntil === null)).toBe(true);
    });
    expect(await enabled()).toEqual([{ enabled: true }]);
    await yard.pass(id, '2 hours', false);
    await vi.waitFor(async () => expect(await enabled()).toEqual([{ enabled: false }]), { timeout: 10_000 });
    await yard.webhooks.clean();
    await yard.until(id, (log) => expect(log.every((one) => one.nextAttemptAt === null)).toBe(true));
  });

  it('with 410 is disabled at once, and what is pending ends', async () => {
    await using receiver = await startReceiver(status(503, { 'retry-after': '60' }));
    const { userId, id } = await yard.hook(receiver.url);
    await yard.cancel(userId);
    await yard.until(id, (log) => {
      expect(log.some(({ responseStatus }) => responseStatus === 503)).toBe(true);
      expect(log.every(({ leaseUntil }) => leaseUntil === null)).toBe(true);
    });
    receiver.answer = status(410);
    await yard.pass(id, '1 minute');
    await yard.pass(id, '1 minute');
    const log = await yard.until(id, (all) =>
      expect(all.map(({ nextAttemptAt }) => nextAttemptAt)).toEqual([null, null]),
    );
    expect(log.some(({ error }) => error === 'it answered with status 410')).toBe(true);
    const [webhook] = await yard.webhooks.list(userId);
    expect(webhook).toMatchObject({
      enabled: false,
      disabledReason: 'it answered with status 410: it wants nothing any more',
    });
  });

  it('with 410 to a task’s own URL is tried again by what names it a day later', async () => {
    await using receiver = await startReceiver(status(410));
    const userId = await yard.addUser();
    const taskId = await yard.cancel(userId, receiver.url);
    const webhook = async () => (await yard.webhooks.ofTasks([taskId])).get(taskId);
    await vi.waitFor(async () => expect(await webhook()).toMatchObject({ enabled: false }), {
      timeout: 10_000,
    });
    receiver.answer = status(500);
    const id = (await webhook())?.id ?? '';
    const before = await yard.until(id, (log) =>
      expect(log.every(({ leaseUntil }) => leaseUntil === null)).toBe(true),
    );
    await yard.cancel(userId, receiver.url);
    expect(await yard.until(id, () => undefined)).toHaveLength(before.length);
    await yard.sql(
      `UPDATE webhook SET disabled_at = now() - interval '25 hours', failing_since = now() - interval '5 days' WHERE id = $1`,
      [id],
    );
    await yard.cancel(userId, receiver.url);
    // What was before does not count: it has its ten attempts again.
    await yard.until(id, (log) =>
      expect(log.filter(({ responseStatus }) => responseStatus === 500)).toHaveLength(2),
    );
    expect(await webhook()).toMatchObject({ enabled: true });
    receiver.answer = status(200);
    // Enough for one that was tried again by now.
    await yard.pass(id, '10 minutes');
    await yard.until(id, delivered(2));
    expect(await webhook()).toMatchObject({ enabled: true, disabledAt: null, disabledReason: null });
  });

  it('and asks for it is left alone with everything', async () => {
    await using receiver = await startReceiver(status(429, { 'retry-after': '3600' }));
    const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
    await yard.cancel(userId);
    const [first] = await yard.until(id, ([one]) => expect(one).toMatchObject({ responseStatus: 429 }));
    expect(Number(first?.nextAttemptAt) - Date.now()).toBeGreaterThan(3_590_000);
    receiver.answer = status(200);
    await yard.cancel(userId);
    await using another = await startReceiver();
    const elsewhere = await yard.hook(another.url, { events: ['CANCELED'] });
    await yard.cancel(elsewhere.userId);
    await another.received(1);
    expect(receiver.requests).toHaveLength(1);
    await yard.pass(id, '66 minutes', false);
    await yard.until(id, delivered(2));
  });

  it.each<[string, (received: Received) => void, string]>([
    ['hangs up', ({ response }) => void response.destroy(), 'it cannot be reached (UND_ERR_SOCKET)'],
    [
      'has giant headers',
      ({ response }) =>
        void response.socket?.end(`HTTP/1.1 200 OK\r\nx-large: ${'x'.repeat(100_000)}\r\n\r\n`),
      'it cannot be reached (UND_ERR_HEADERS_OVERFLOW)',
    ],
    [
      'speaks no HTTP',
      ({ response }) => void response.socket?.end('SSH-2.0-OpenSSH_9.9\r\n'),
      'it cannot be reached (HTTPParserError)',
    ],
    ['redirects', status(308, { location: 'http://127.0.0.1:1/' }), 'it answered with status 308'],
  ])('since it %s is told so in the log', async (_what, answer, error) => {
    await using receiver = await startReceiver(answer);
    const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
    await yard.cancel(userId);
    await yard.until(id, ([one]) => expect(one).toMatchObject({ attempts: 1, error, deliveredAt: null }));
  });

  it.each<[string, (received: Received) => void]>([
    [
      'without an end',
      ({ response }) => {
        const pour = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
          if (!response.destroyed) response.once('drain', pour);
        };
        pour();
      },
    ],
    ['that it drips', ({ response }) => void response.writeHead(200).write('x')],
  ])('only in its body, %s, has got the event', async (_what, answer) => {
    await using receiver = await startReceiver(answer);
    const { userId, id } = await yard.hook(receiver.url, { events: ['CANCELED'] });
    await yard.cancel(userId);
    await yard.until(id, delivered(1));
  });
});
