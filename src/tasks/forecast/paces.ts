import { createSpeeds, type MeasuredSpeed, type NodeView, offersModel } from '../../nodes/index.ts';
import type { Pace, Paces, Span, Spread } from './types.ts';

/** Fewer measured runs tell nothing. */
const MIN_SAMPLES = 5;

/** So many of the latest runs count at most. */
const MAX_SAMPLES = 20;

/**
 * Standard deviation of what nobody measured, as a share of each run: the way from one task to the next, and those
 * that come later and go first.
 */
const UNFORESEEN = 0.08;

/** Of standard deviations: nine of ten are below it. */
const P90 = 1.2816;

const keyOf = (nodeId: string, { kind, model }: Pick<MeasuredSpeed, 'kind' | 'model'>): string =>
  `${nodeId} ${kind} ${model}`;

/** By a node's own runs; where it had too few, by what others take and how it compares to them. No guess is in it. */
export function createPaces(nodes: readonly NodeView[], speeds: readonly MeasuredSpeed[]): Paces {
  const known = speeds.filter(({ samples }) => samples >= MIN_SAMPLES);
  const own = new Map(known.map((speed) => [keyOf(speed.nodeId, speed), speed]));
  const by = (of: (speed: MeasuredSpeed) => number) =>
    createSpeeds(known.map((speed) => ({ ...speed, secondsPerUnit: of(speed) })));
  const p50 = by((speed) => speed.secondsPerUnit);
  const mean = by((speed) => speed.mean);
  const p90 = by((speed) => speed.p90);
  const isMeasured = ({ kind, model }: Pick<MeasuredSpeed, 'kind' | 'model'>): boolean =>
    nodes.some((node) => offersModel(node, { kind, model }) && own.has(keyOf(node.id, { kind, model })));
  return (nodeId, { kind, model, secondsPerUnit }) => {
    const measured = own.get(keyOf(nodeId, { kind, model }));
    if (measured) return { p50: measured.secondsPerUnit, mean: measured.mean, p90: measured.p90 };
    if (!isMeasured({ kind, model })) return null;
    const queue = { id: '', heads: [], kind, model, secondsPerUnit };
    const typical = p50(nodeId, queue);
    return { p50: typical, mean: mean(nodeId, queue), p90: Math.max(typical, p90(nodeId, queue)) };
  };
}

const deviation = ({ p50, p90 }: Pace, cost: number): number => ((p90 - p50) * cost) / P90;

/** What a run adds to the time that comes after it. */
export function spanOf(pace: Pace, cost: number): Span {
  const sd = deviation(pace, cost);
  const bias = Math.hypot(sd / Math.sqrt(MAX_SAMPLES), UNFORESEEN * pace.mean * cost);
  return { seconds: pace.mean * cost, variance: sd ** 2, bias };
}

export const certain: Spread = { variance: 0, bias: 0 };

export const after = (before: Spread, next: Spread): Spread => ({
  variance: before.variance + next.variance,
  bias: before.bias + next.bias,
});

/** What nine of ten times stay below. */
export function p90Of({ seconds, variance, bias }: Span): number {
  return seconds + P90 * Math.sqrt(variance + bias ** 2);
}
