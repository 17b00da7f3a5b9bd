import type { GpuNode } from '../../../sdk/src/index.ts';
import { defineCommand, kebabCase } from '../command.ts';
import { connectionOptions, withClient } from '../connection.ts';
import { formatTable } from '../table.ts';
import { print, printJson } from '../terminal.ts';

function row({ name, status, protocol, busySlots, slots, offers, loadedModels, url }: GpuNode): string[] {
  const work = (offers ?? []).map(({ kind, models }) => `${kebabCase(kind)}: ${models.join(', ')}`);
  return [
    name,
    status?.toLowerCase() ?? '',
    `${busySlots ?? 0}/${slots ?? 0}`,
    kebabCase(protocol ?? ''),
    url ?? '',
    work.join('; '),
    loadedModels?.join(', ') ?? '?',
  ];
}

export const nodes = defineCommand({
  summary: 'List the GPU nodes and how busy they are',
  usage: 'nodes [options]',
  description: 'For operators and admins.',
  arity: [0, 0],
  options: connectionOptions,
  run: ({ values }, surroundings) =>
    withClient(values, surroundings, async (client) => {
      const found = await client.nodes({ signal: surroundings.signal });
      if (values.json === true) printJson(surroundings.stdout, found);
      else if (found.length === 0) print(surroundings.stdout, 'no nodes: set GPU_NODES, or use registerNode');
      else {
        const headings = ['NAME', 'STATUS', 'BUSY', 'PROTOCOL', 'URL', 'OFFERS', 'LOADED'];
        print(surroundings.stdout, formatTable(headings, found.map(row)));
      }
      return 0;
    }),
});
