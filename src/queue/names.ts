import { createHash } from 'node:crypto';
import { kindOf } from '../kinds/index.ts';

/**
 * pg-boss's name for the queue of a kind and a model. pg-boss takes letters, digits, `_`, `-`, `.` and `/`
 * only, which `qwen2.5:7b` is not: what it does not take is replaced, and a hash keeps such names apart.
 */
export function bossName(kind: string, model: string): string {
  const readable = model.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 60);
  const hash = createHash('sha256').update(model).digest('hex').slice(0, 10);
  return `${kindOf(kind).slug}/${readable}/${hash}`;
}
