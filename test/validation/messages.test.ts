import { expect, test } from 'vitest';
import { z } from 'zod';
import { InvalidInputError } from '../../src/errors.ts';
import { kindNames, kindOf } from '../../src/kinds/index.ts';
import { check, valid } from '../../src/validation.ts';

const schema = z.strictObject({
  name: z.string().min(2).max(10_000).optional(),
  size: z.number().int().min(16).max(4_096).optional(),
  ratio: z.number().positive().lt(2).multipleOf(0.5).optional(),
  mode: z.enum(['fast', 'good']).optional(),
  tags: z.array(z.string().min(1)).min(1).max(2).optional(),
  page: z.url().optional(),
  given: z.boolean(),
});

test.each([
  [{ name: 'a' }, 'name', 'must have at least 2 characters'],
  [{ name: 'a'.repeat(10_001) }, 'name', 'must have at most 10,000 characters'],
  [{ name: 7 }, 'name', 'must be a text'],
  [{ size: 15 }, 'size', 'must be at least 16'],
  [{ size: 5_000 }, 'size', 'must be at most 4,096'],
  [{ size: 16.5 }, 'size', 'must be a whole number'],
  [{ ratio: 0 }, 'ratio', 'must be more than 0'],
  [{ ratio: 2 }, 'ratio', 'must be less than 2'],
  [{ ratio: 0.7 }, 'ratio', 'must be a multiple of 0.5'],
  [{ mode: 'slow' }, 'mode', 'must be one of fast, good'],
  [{ tags: [] }, 'tags', 'must not be empty'],
  [{ tags: ['a', 'b', 'c'] }, 'tags', 'must have at most 2 elements'],
  [{ tags: ['a', ''] }, 'tags.1', 'must not be empty'],
  [{ page: '/a' }, 'page', 'must be an absolute URL, such as https://example.org/a.wav'],
  [{ given: undefined }, 'given', 'must be given'],
  [{ given: 'yes' }, 'given', 'must be true or false'],
  [{ other: 1 }, '', 'must not have other'],
])('%j is told what would be right', (changes, path, message) => {
  const checked = check(schema, { given: true, ...changes }, 'task.thing');
  const at = ['task.thing', path].filter((part) => part !== '').join('.');
  expect(checked).toEqual({ isValid: false, issues: [{ path: at, message }] });
});

test('a schema with words of its own keeps them', () => {
  const own = z.object({ slots: z.number().min(1, 'a node has at least one slot') });
  expect(() => valid(own, { slots: 0 }, 'input')).toThrow(
    new InvalidInputError([{ path: 'input.slots', message: 'a node has at least one slot' }]),
  );
});

test('no kind answers in words that are the validator’s own', () => {
  for (const kind of kindNames) {
    for (const value of [undefined, 7, {}]) {
      const checked = check(kindOf(kind).input, value, kindOf(kind).field);
      expect(checked).toMatchObject({ isValid: false });
      for (const { message } of checked.isValid ? [] : checked.issues) expect(message).toMatch(/^must /);
    }
  }
});
