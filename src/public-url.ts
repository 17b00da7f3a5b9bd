import { isIPv6 } from 'node:net';
import type { Config } from './config.ts';
import type { Log } from './log.ts';

/** Bound to every address of the machine: none that a client could ask for. */
const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Where clients reach a server that is bound to that port: the beginning of artifact URLs. */
export function urlOf(
  { publicUrl, host }: Pick<Config, 'publicUrl' | 'host'>,
  port: number,
  log: Log,
): string {
  if (publicUrl !== null) return publicUrl.replace(/\/$/, '');
  const name = everywhere[host] ?? host;
  const url = `http://${isIPv6(name) ? `[${name}]` : name}:${port}`;
  if (name !== host)
    log.warn({ url }, 'PUBLIC_URL is not set: the URLs of artifacts lead to this machine alone');
  return url;
}
