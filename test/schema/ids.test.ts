import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAnyId, decodeId, encodeId } from '../../src/ids.ts';

const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

describe('an id of the API', () => {
  it('is its row and its type, and nothing of another type', () => {
    fc.assert(
      fc.property(fc.uuid({ version: 7 }), (uuid) => {
        const id = encodeId('Task', uuid);
        expect(decodeId('Task', id)).toBe(uuid);
        expect(decodeAnyId(id)).toEqual({ type: 'Task', uuid });
        expect(decodeId('User', id)).toBeNull();
      }),
    );
  });

  it('with letters changed is another one or none, and never breaks anything', () => {
    const suffix = fc.array(fc.constantFrom(...LETTERS), { minLength: 26, maxLength: 26 });
    fc.assert(
      fc.property(suffix, (letters) => {
        const id = `task_${letters.join('')}`;
        const uuid = decodeId('Task', id);
        if (uuid !== null) expect(encodeId('Task', uuid)).toBe(id);
        expect(decodeAnyId(id)).toEqual(uuid === null ? null : { type: 'Task', uuid });
      }),
    );
  });

  it.each(['', 'task', 'task_', 'task_1', '_0', 'kb_!', 'TASK_01h2xcejqtf2nbrexx3vqjhp41'])(
    'is not made of "%s"',
    (text) => {
      expect(decodeId('Task', text)).toBeNull();
      expect(decodeAnyId(text)).toBeNull();
    },
  );
});
