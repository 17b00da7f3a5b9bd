import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId, newId } from '../../src/ids.ts';
import { type Api, type Json, type Person, startApi } from '../http/support.ts';
import { joinWork, registerNode } from '../http/work.ts';
import { errorsOfContract, problem } from './contract-errors.ts';

let api: Api;
let user: Person;
let operator: Person;
let admin: Person;

beforeAll(async () => {
  const limits = { waiting: 3, perSecond: 0.001, burst: 100, maxPriority: 'NORMAL' };
  const pro = { waiting: null, perSecond: 0.001, burst: 1, maxPriority: 'HIGH' };
  api = await startApi({
    variables: { QUEUE_CAPACITY: '5', TIERS: JSON.stringify({ FREE: limits, PRO: pro }) },
  });
  await registerNode(api);
  [user, operator, admin] = await Promise.all([
    api.person(),
    api.person('OPERATOR', 'VIP'),
    api.person('ADMIN'),
  ]);
});

afterAll(() => api[Symbol.asyncDispose]());

/** What was provoked so far: `mutation Error`. */
const provoked = new Set<string>();

async function mutate(
  as: Person | undefined,
  field: string,
  input: object | string,
  id?: string,
): Promise<Json> {
  const given = typeof input === 'string' ? { id: input } : id === undefined ? { input } : { id, input };
  const inputType = field === 'logout' ? 'RefreshToken' : `${field[0]?.toUpperCase()}${field.slice(1)}`;
  const types = { id: '$id: ID!', input: `$input: ${inputType}Input!` };
  const names = Object.keys(given) as (keyof typeof types)[];
  const operation = `mutation (${names.map((name) => types[name]).join(', ')}) {
    ${field}(${names.map((name) => `${name}: $${name}`).join(', ')}) { ${problem} }
  }`;
  const { data, errors } = await api.send(operation, { as, variables: given });
  expect(errors).toEqual([]);
  const answer = data[field] as Json;
  provoked.add(`${field} ${answer.__typename}`);
  return answer;
}

async function submit(as: Person, image: object, options: object = {}): Promise<Json> {
  const { data, errors } = await api.send(
    `mutation ($input: SubmitTaskInput!) { submitTask(input: $input) { ${problem} ... on Task { id priority } } }`,
    { as, variables: { input: { task: { textToImage: { prompt: 'a lighthouse', ...image } }, ...options } } },
  );
  expect(errors).toEqual([]);
  const answer = data.submitTask as Json;
  provoked.add(`submitTask ${answer.__typename}`);
  return answer;
}

const nowhere = {
  task: encodeId('Task', '01890000-0000-7000-8000-000000000000'),
  node: encodeId('GpuNode', '01890000-0000-7000-8000-000000000000'),
  user: encodeId('User', '01890000-0000-7000-8000-000000000000'),
  key: encodeId('ApiKey', '01890000-0000-7000-8000-000000000000'),
};

describe('what a caller can get wrong', () => {
  it('InvalidInputError names each field of a submission and what would be right', async () => {
    const year = new Date(Date.now() + 400 * 24 * 3600 * 1000).toISOString();
    const past = '2020-01-01T00:00:00Z';
    const cases: [object, object, string, RegExp][] = [
      [{ prompt: '' }, {}, 'task.textToImage.prompt', /^must not be empty$/],
      [
        { prompt: 'x'.repeat(10_001) },
        {},
        'task.textToImage.prompt',
        /^must have at most 10,000 characters$/,
      ],
      [{ width: 15 }, {}, 'task.textToImage.width', /^must be at least 16$/],
      [{ height: 4097 }, {}, 'task.textToImage.height', /^must be at most 4,096$/],
      [{ steps: 0 }, {}, 'task.textToImage.steps', /^must be at least 1$/],
      [{ steps: 201 }, {}, 'task.textToImage.steps', /^must be at most 200$/],
      [{ count: 9 }, {}, 'task.textToImage.count', /^must be at most 8$/],
      [{ seed: -1 }, {}, 'task.textToImage.seed', /^must be at least 0$/],
      [{}, { timeoutMs: 0 }, 'timeoutMs', /10 to 86,400,000/],
      [{}, { maxAttempts: 0 }, 'maxAttempts', /1 to 100/],
      [{}, { waitMs: 60_001 }, 'waitMs', /0 to 60,000/],
      [{}, { idempotencyKey: '' }, 'idempotencyKey', /1 to 255/],
      [{}, { labels: { team: 7 } }, 'labels.team', /string/],
      [{}, { deadline: past }, 'deadline', /future/],
      [{}, { startAt: year }, 'startAt', /a year/],
    ];
    for (const [image, options, path, message] of cases) {
      const answer = await submit(user, image, options);
      expect(answer).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_USER_INPUT' });
      expect(answer.issues).toEqual([{ path, message: expect.stringMatching(message) }]);
    }
  });

  it('InvalidInputError lists everything that is wrong at once', async () => {
    const { issues } = await submit(
      user,
      { width: 1, count: 0 },
      { waitMs: -1, deadline: '2020-01-01T00:00:00Z' },
    );
    expect(Object.values(issues ?? {}).map(({ path }) => path)).toEqual([
      'waitMs',
      'deadline',
      'task.textToImage.width',
      'task.textToImage.count',
    ]);
  });

  it('InvalidInputError and AlreadyExistsError at a registration', async () => {
    const weak = await mutate(undefined, 'register', { username: 'somebody', password: 'a' });
    expect(weak).toMatchObject({ __typename: 'InvalidInputError', issues: [{ path: 'password' }] });
    const credentials = { username: 'somebody', password: 'correct horse battery' };
    expect((await mutate(undefined, 'register', credentials)).__typename).toBe('AuthPayload');
    expect(await mutate(undefined, 'register', credentials)).toMatchObject({
      __typename: 'AlreadyExistsError',
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining('somebody'),
    });
  });

  it('InvalidCredentialsError for a wrong password and a wrong refresh token', async () => {
    const wrong = (message: RegExp) => ({
      __typename: 'InvalidCredentialsError',
      code: 'INVALID_CREDENTIALS',
      message: expect.stringMatching(message),
    });
    const login = { username: 'somebody', password: 'wrong' };
    expect(await mutate(undefined, 'login', login)).toMatchObject(wrong(/username or the password/));
    for (const field of ['refreshToken', 'logout']) {
      const answer = await mutate(undefined, field, { refreshToken: 'wrong' });
      expect(answer).toMatchObject(wrong(/refresh token is not valid/));
    }
    const change = { currentPassword: 'wrong', newPassword: 'correct horse battery' };
    expect(await mutate(user, 'changePassword', change)).toMatchObject(wrong(/current password is wrong/));
  });

  it('InvalidInputError for a new password that is too short, and for what would leave no admin', async () => {
    const change = { currentPassword: 'wrong', newPassword: 'short' };
    expect(await mutate(user, 'changePassword', change)).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: 'newPassword', message: expect.stringContaining('8 to 200') }],
    });
    const id = encodeId('User', admin.user.id);
    for (const [field, input] of Object.entries({ role: { role: 'USER' }, disabled: { disabled: true } })) {
      expect(await mutate(admin, 'updateUser', input, id)).toMatchObject({
        __typename: 'InvalidInputError',
        code: 'BAD_USER_INPUT',
        issues: [{ path: field, message: expect.stringContaining('last admin') }],
      });
    }
  });

  it('NotFoundError for what does not exist, and for what is no id at all', async () => {
    const notFound = { __typename: 'NotFoundError', code: 'NOT_FOUND', message: expect.stringMatching(/no/) };
    for (const id of [nowhere.task, nowhere.user, 'nonsense', '']) {
      for (const field of ['cancelTask', 'retryTask', 'deleteTask']) {
        expect(await mutate(user, field, id)).toMatchObject(notFound);
      }
    }
    for (const field of ['drainNode', 'resumeNode', 'removeNode']) {
      expect(await mutate(operator, field, nowhere.node)).toMatchObject(notFound);
      expect(await mutate(operator, field, 'nonsense')).toMatchObject(notFound);
    }
    expect(await mutate(user, 'revokeApiKey', nowhere.key)).toMatchObject(notFound);
    expect(await mutate(admin, 'updateUser', { tier: 'PRO' }, nowhere.user)).toMatchObject(notFound);
    expect(await mutate(operator, 'updateNode', { slots: 2 }, nowhere.node)).toMatchObject(notFound);
  });

  it('InvalidStateError tells the state that stands in the way', async () => {
    const person = await api.person('USER', 'VIP');
    const { id } = await submit(person, {});
    const task = String(id);
    expect(await mutate(person, 'retryTask', task)).toMatchObject({
      __typename: 'InvalidStateError',
      code: 'INVALID_STATE',
      status: 'QUEUED',
    });
    expect(await mutate(person, 'deleteTask', task)).toMatchObject({ status: 'QUEUED' });
    await (await joinWork(api)).succeedAll();
    expect(await mutate(person, 'cancelTask', task)).toMatchObject({
      __typename: 'InvalidStateError',
      status: 'SUCCEEDED',
    });
  });

  it('NoSuchModelError names the nearest models', async () => {
    expect(await submit(user, { model: 'qwen-imag' })).toMatchObject({
      __typename: 'NoSuchModelError',
      code: 'NO_SUCH_MODEL',
      message: expect.stringContaining('qwen-imag'),
      nearest: ['qwen-image'],
    });
  });

  it('IdempotencyConflictError shows the task that has the key', async () => {
    const person = await api.person('USER', 'VIP');
    const options = { idempotencyKey: 'monday' };
    const { id } = await submit(person, {}, options);
    expect(await submit(person, {}, { ...options, waitMs: 1 })).toMatchObject({ __typename: 'Task', id });
    expect(await submit(person, { prompt: 'another' }, options)).toMatchObject({
      __typename: 'IdempotencyConflictError',
      code: 'IDEMPOTENCY_CONFLICT',
      task: { id },
    });
    await mutate(person, 'cancelTask', String(id));
  });

  it('QuotaExceededError, QueueFullError and RateLimitedError tell the limit, or when to come back', async () => {
    const person = await api.person();
    const tasks = [];
    for (let n = 0; n < 3; n++) tasks.push(await submit(person, {}));
    expect(await submit(person, {})).toMatchObject({
      __typename: 'QuotaExceededError',
      code: 'QUOTA_EXCEEDED',
      limit: 3,
    });
    const vip = await api.person('USER', 'VIP');
    tasks.push(await submit(vip, {}), await submit(vip, {}));
    expect(await submit(vip, {})).toMatchObject({
      __typename: 'QueueFullError',
      code: 'QUEUE_FULL',
      retryAfterMs: expect.any(Number),
    });
    for (const { id } of tasks) await mutate(admin, 'cancelTask', String(id));
    const pro = await api.person('USER', 'PRO');
    await submit(pro, {});
    const limited = await submit(pro, {});
    expect(limited).toMatchObject({ __typename: 'RateLimitedError', code: 'RATE_LIMITED' });
    expect(limited.retryAfterMs).toBeGreaterThan(0);
  });

  it('lowers a priority above the tier rather than refusing it', async () => {
    const person = await api.person();
    expect(await submit(person, {}, { priority: 'URGENT' })).toMatchObject({ priority: 'NORMAL' });
  });

  it('QuotaExceededError and InvalidInputError for API keys', async () => {
    const person = await api.person();
    expect(await mutate(person, 'createApiKey', { name: '' })).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: 'name' }],
    });
    // The first is the one that the person asks with.
    await api.services.database.prisma.apiKey.createMany({
      data: Array.from({ length: 98 }, (_, n) => ({
        id: newId(),
        userId: person.user.id,
        name: `key ${n}`,
        prefix: 'sy_',
        hash: Buffer.from(`key ${n}`),
      })),
    });
    expect(await mutate(person, 'createApiKey', { name: 'the last' })).toMatchObject({
      __typename: 'CreateApiKeyPayload',
    });
    expect(await mutate(person, 'createApiKey', { name: 'one more' })).toMatchObject({
      ...{ __typename: 'QuotaExceededError', code: 'QUOTA_EXCEEDED', limit: 100 },
    });
  });

  it('InvalidInputError and AlreadyExistsError for nodes', async () => {
    const node = {
      name: 'node',
      url: 'http://127.0.0.1:9',
      protocol: 'OPENAI',
      offers: [{ kind: 'TEXT_TO_IMAGE', models: ['m'] }],
    };
    expect(await mutate(operator, 'registerNode', node)).toMatchObject({ __typename: 'AlreadyExistsError' });
    const wrong = {
      __typename: 'InvalidInputError',
      code: 'BAD_USER_INPUT',
      issues: [{ path: 'slots', message: expect.stringContaining('1') }],
    };
    const registered = await mutate(operator, 'registerNode', { ...node, name: 'new', slots: 0 });
    expect(registered).toMatchObject(wrong);
    const { data } = await api.send('{ gpuNodes { id } }', { as: operator });
    const id = String(data.gpuNodes?.[0]?.id);
    expect(await mutate(operator, 'updateNode', { slots: 0 }, id)).toMatchObject(wrong);
    const drain = `mutation ($id: ID!) { drainNode(id: $id, timeoutMs: -1) { ${problem} } }`;
    const drained = await api.send(drain, { as: operator, variables: { id } });
    expect(drained.data.drainNode).toMatchObject({ ...wrong, issues: [{ path: 'timeoutMs' }] });
    provoked.add('drainNode InvalidInputError');
  });

  it('RateLimitedError for many registrations and wrong passwords in a row', async () => {
    const limited = (message: RegExp) => ({
      __typename: 'RateLimitedError',
      code: 'RATE_LIMITED',
      message: expect.stringMatching(message),
      retryAfterMs: expect.any(Number),
    });
    const guess = { username: 'nobody', password: 'a guess' };
    // One more may be tried every six seconds.
    const guesses = Array.from({ length: 15 }, () => mutate(undefined, 'login', guess));
    expect(await Promise.all(guesses)).toContainEqual(limited(/too many wrong passwords; try again in/));
    const taken = { username: 'admin', password: 'correct horse battery' };
    const answers: Json[] = [];
    while (!provoked.has('register RateLimitedError') && answers.length < 1_000) {
      const more = Array.from({ length: 60 }, () => mutate(undefined, 'register', taken));
      answers.push(...(await Promise.all(more)));
    }
    expect(answers).toContainEqual(limited(/too many registrations/));
  });

  it('is all that the contract names', () => {
    const all = errorsOfContract();
    expect(all).toContain('submitTask QueueFullError');
    // Its union is that of updateNode, and it takes nothing but an id.
    const impossible = ['resumeNode InvalidInputError'];
    expect(all.filter((error) => !provoked.has(error))).toEqual(impossible);
  });
});
