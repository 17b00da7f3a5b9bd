import { table as markdown } from '../support.ts';
import { ours } from './policies/index.ts';
import type { Result, Run } from './run.ts';
import type { Table } from './tables.ts';

/** The runs of a table: every policy over every column with the same seeds, and so the same arrivals. */
export function runsOf({ columns, policies }: Table, seeds: number): Run[] {
  return policies.flatMap((policy) =>
    Object.values(columns).flatMap((scenario) =>
      Array.from({ length: seeds }, (_, seed) => ({ scenario, policy, seed })),
    ),
  );
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Two standard errors of the mean. */
function margin(values: readonly number[]): number {
  const centre = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
  return 2 * Math.sqrt(variance / values.length);
}

const around = (values: readonly number[], digits: number): string =>
  `${mean(values).toFixed(digits)} ± ${margin(values).toFixed(digits)}`;

function differenceOf(results: readonly Result[], reference: readonly Result[]): string {
  const differences = results.map(({ p99 }, seed) => p99 - (reference[seed]?.p99 ?? Number.NaN));
  const centre = mean(differences);
  const margins = margin(differences);
  const digits = margins < 1 ? 1 : 0;
  return ` (${centre < 0 ? '−' : '+'}${Math.abs(centre).toFixed(digits)} ± ${margins.toFixed(digits)})`;
}

function cellOf(results: readonly Result[], reference: readonly Result[], shows: Table['shows']): string {
  if (results.filter(({ isStable }) => isStable).length <= results.length / 2) return 'unstable';
  const figures = [
    `${mean(results.map((result) => result.mean)).toFixed(1)}`,
    ...(['p95', 'p99'] as const).map((key) => mean(results.map((result) => result[key])).toFixed(0)),
  ].join(' / ');
  const difference = results === reference ? ` (± ${margin(results.map(({ p99 }) => p99)).toFixed(1)})` : '';
  const comparison = results === reference ? difference : differenceOf(results, reference);
  if (shows === 'swaps')
    return `${figures}${comparison}, ${mean(results.map(({ swaps }) => swaps)).toFixed(2)}`;
  if (shows !== 'drains') return `${figures}${comparison}`;
  return `${figures}${comparison} [${around(
    results.map(({ drainSeconds }) => drainSeconds ?? Number.NaN),
    1,
  )} s]`;
}

/** The table in Markdown, from the results of `runsOf` in their order. */
export function render(table: Table, results: readonly Result[], seeds: number): string {
  const { title, text, columns, policies, shows } = table;
  const names = Object.keys(columns);
  const of = (row: number, column: number): Result[] => {
    const from = (row * names.length + column) * seeds;
    return results.slice(from, from + seeds);
  };
  const references = names.map((_, column) => of(policies.indexOf(ours), column));
  const rows = policies.map((policy, row) => [
    policy,
    ...names.map((_, column) => {
      const reference = references[column] ?? [];
      return cellOf(policy === ours ? reference : of(row, column), reference, shows);
    }),
  ]);
  return `## ${title}\n\n${text}\n\n${markdown(['policy', ...names], rows)}\n`;
}
