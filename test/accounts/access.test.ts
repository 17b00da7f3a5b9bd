import { expect, test } from 'vitest';
import { canSee, defaultTiers, isAdmin, isOperator, mergeTiers } from '../../src/accounts/index.ts';

test.each([
  [null, false, false, false, false],
  ['USER', false, false, true, false],
  ['OPERATOR', true, false, true, true],
  ['ADMIN', true, true, true, true],
] as const)(
  '%s: operator %s, admin %s, sees own %s, sees others %s',
  (role, operator, admin, own, others) => {
    const viewer = role === null ? null : { role, userId: 'me' };
    expect(isOperator(viewer)).toBe(operator);
    expect(isAdmin(viewer)).toBe(admin);
    expect(canSee(viewer, 'me')).toBe(own);
    expect(canSee(viewer, 'you')).toBe(others);
  },
);

test('the configuration changes single limits of a tier; null lifts one', () => {
  const tiers = mergeTiers({ FREE: { waiting: null, burst: 5, perSecond: undefined }, VIP: undefined });
  expect(tiers).toEqual({
    ...defaultTiers,
    FREE: { ...defaultTiers.FREE, waiting: null, burst: 5 },
  });
});
