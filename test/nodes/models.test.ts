import { expect, test } from 'vitest';
import { NoSuchModelError } from '../../src/errors.ts';
import { openNodes, painter } from './support.ts';

test('a task that names no model gets the first of the oldest node, or the configured one', async () => {
  await using under = await openNodes();
  await under.nodes.register(painter('one', { offers: [{ kind: 'TEXT_TO_IMAGE', models: ['a', 'b'] }] }));
  await under.nodes.register(painter('two', { offers: [{ kind: 'TEXT_TO_IMAGE', models: ['c'] }] }));
  expect(await under.nodes.models.choose('TEXT_TO_IMAGE', null)).toBe('a');
  expect(await under.nodes.models.choose('TEXT_TO_IMAGE', 'c')).toBe('c');

  await using configured = await openNodes({ defaultModels: { TEXT_TO_IMAGE: 'b' } });
  await configured.nodes.register(
    painter('one', { offers: [{ kind: 'TEXT_TO_IMAGE', models: ['a', 'b'] }] }),
  );
  expect(await configured.nodes.models.choose('TEXT_TO_IMAGE', null)).toBe('b');
});

test('a model that no node offers is refused, with the names that come nearest', async () => {
  await using under = await openNodes();
  const models = ['sdxl', 'qwen-image', 'qwen-image-edit', 'flux-dev'];
  await under.nodes.register(painter('one', { offers: [{ kind: 'TEXT_TO_IMAGE', models }] }));
  const refused = await under.nodes.models
    .choose('TEXT_TO_IMAGE', 'qwen-imgae')
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(NoSuchModelError);
  expect((refused as NoSuchModelError).nearest[0]).toBe('qwen-image');
  await expect(under.nodes.models.choose('SPEECH_TO_TEXT', null)).rejects.toThrow(
    'no node offers speech-to-text',
  );
});

test('a node that another process registered is known at once', async () => {
  await using under = await openNodes();
  const other = under.sibling();
  await expect(other.models.choose('TEXT_TO_IMAGE', 'qwen-image')).rejects.toThrow(NoSuchModelError);
  await under.nodes.register(painter('one'));
  expect(await other.models.choose('TEXT_TO_IMAGE', 'qwen-image')).toBe('qwen-image');
});

test('the list counts the slots of nodes that can take work', async () => {
  await using under = await openNodes();
  const { id } = await under.nodes.register(painter('one', { slots: 2 }));
  await under.nodes.register(painter('down', { slots: 8 }));
  await under.database.pool.query(`UPDATE gpu_node SET healthy = name = 'one'`);
  await under.database.pool.query('UPDATE slot SET task_id = $1 WHERE node_id = $1 AND slot_no = 1', [id]);
  expect(await under.nodes.models.list()).toEqual([
    { kind: 'TEXT_TO_IMAGE', name: 'qwen-image', isDefault: true, slots: 2, freeSlots: 1 },
  ]);
});
