import { expect, test } from 'vitest';
import { fillPlaceholders, placeholderName, placeholdersIn } from '../../src/kinds/index.ts';

const value = {
  prompt: 'A {{scene}} in {{ style }}, {{scene}} again',
  messages: [{ content: '{{question}}' }, { content: '{not one} {{9}} {{}}' }],
  steps: 4,
  none: null,
};

test('texts come in the place of their names, wherever these stand, and nothing else changes', () => {
  expect([...placeholdersIn(value)]).toEqual(['scene', 'style', 'question']);
  const texts = new Map([
    ['scene', 'mill {{style}} $1'],
    ['question', ''],
  ]);
  expect(fillPlaceholders(value, texts)).toEqual({
    prompt: 'A mill {{style}} $1 in {{ style }}, mill {{style}} $1 again',
    messages: [{ content: '' }, { content: '{not one} {{9}} {{}}' }],
    steps: 4,
    none: null,
  });
});

test('a name begins with a letter, and is not too long', () => {
  expect(['a', 'scene-1', 'S_2', `x${'y'.repeat(63)}`].every((name) => placeholderName.test(name))).toBe(
    true,
  );
  expect(['', '1a', 'a b', 'ä', 'a}', `x${'y'.repeat(64)}`].some((name) => placeholderName.test(name))).toBe(
    false,
  );
});
