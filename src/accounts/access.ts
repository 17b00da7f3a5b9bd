import type { Role, Tier } from '../database/index.ts';

/** Who asks, as far as anything needs to know. */
export interface Viewer {
  readonly userId: string;
  readonly username: string;
  readonly role: Role;
  readonly tier: Tier;
  readonly credential: { readonly type: 'session' | 'apiKey'; readonly id: string };
  /** When the credential ends; null: never by itself. */
  readonly expiresAt: Date | null;
}

type Roled = Pick<Viewer, 'role'> | null;

export function isAdmin(viewer: Roled): boolean {
  return viewer?.role === 'ADMIN';
}

/** Operators, and admins with them. */
export function isOperator(viewer: Roled): boolean {
  return viewer?.role === 'OPERATOR' || isAdmin(viewer);
}

/** The one rule: whoever owns a thing sees it, and operators see everything. Anonymous callers see nothing. */
export function canSee(viewer: Pick<Viewer, 'role' | 'userId'> | null, ownerId: string): boolean {
  return viewer !== null && (viewer.userId === ownerId || isOperator(viewer));
}
