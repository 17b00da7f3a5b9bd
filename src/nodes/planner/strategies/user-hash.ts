import { isFree, type Option, type Strategy } from './strategy.ts';

/** A node may be this much busier than the average before its users spill over to their next one. */
const BOUND = 1.25;

/** FNV-1a with murmur3's finish, since FNV alone mixes the last bytes badly. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) h = Math.imul(h ^ text.charCodeAt(n), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Keeps a user on the same node by rendezvous hashing, with bounded load: a node that comes or goes moves
 * only its own users, and a busy one passes them on in their own order of preference.
 */
export const userHash: Strategy = {
  choose({ userId }, options) {
    const busy = options.reduce((sum, option) => sum + option.busySlots, 0);
    const slots = options.reduce((sum, option) => sum + option.slots, 0);
    const isWithinBound = (option: Option): boolean =>
      option.busySlots < Math.ceil((BOUND * (busy + 1) * option.slots) / slots);
    const preferred = options
      .filter(isFree)
      .map((option) => ({ option, rank: hash(`${userId} ${option.nodeId}`) }))
      .sort((a, b) => b.rank - a.rank)
      .map(({ option }) => option);
    return preferred.find(isWithinBound) ?? preferred[0];
  },
};
