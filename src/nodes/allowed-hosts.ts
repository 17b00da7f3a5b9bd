import { createHosts } from '../urls/index.ts';

/** Where a cloud tells a machine its secrets: no node is there. */
const linkLocal = createHosts(['169.254.0.0/16', 'fe80::/10']);

/**
 * Where nodes may register themselves: at hosts that match one of the patterns (`gpu-1`, `*.gpu.internal`,
 * `10.1.0.0/16`), or without any everywhere. Private addresses are where most nodes are; link-local ones are
 * never allowed.
 */
export function createAllowedHosts(patterns: readonly string[]): (url: URL) => boolean {
  const hosts = createHosts(patterns);
  return (url) => !linkLocal.names(url) && (hosts.isEmpty || hosts.names(url));
}
