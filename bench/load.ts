/** A process that sends one GraphQL request over and over on so many connections, and prints what it saw. */
import { Pool } from 'undici';

export interface Load {
  readonly url: string;
  readonly token: string;
  readonly query: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

async function run({ url, token, query, connections, seconds }: Load): Promise<LoadResult> {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const body = JSON.stringify({ query });
  const times: number[] = [];
  const started = performance.now();
  const until = started + seconds * 1000;
  async function connection(): Promise<void> {
    while (performance.now() < until) {
      const sent = performance.now();
      const answer = await pool.request({ method: 'POST', path: '/graphql', headers, body });
      const text = await answer.body.text();
      if (answer.statusCode !== 200 || /"errors"|"message"/.test(text)) throw new Error(text);
      times.push(performance.now() - sent);
    }
  }
  await Promise.all(Array.from({ length: connections }, connection));
  const elapsed = (performance.now() - started) / 1000;
  await pool.close();
  times.sort((a, b) => a - b);
  return { perSecond: times.length / elapsed, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) };
}

process.once('message', (load: Load) => {
  run(load).then(
    (result) => process.send?.(result, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
