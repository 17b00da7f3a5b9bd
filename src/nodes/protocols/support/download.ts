import type { NodeAnswer, NodeClient } from '../client.ts';
import { badAnswer } from './answer.ts';

/**
 * A file that the node's answer names by URL, or by a path of its own.
 * @throws NodeFault (BAD_NODE_ANSWER) where it is no such URL, or there is nothing to be had
 */
export async function download(
  node: NodeClient,
  link: string,
  options: { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<NodeAnswer> {
  const url = URL.parse(link, node.url);
  if (url === null || !/^https?:$/.test(url.protocol)) throw badAnswer('names a file by no URL');
  const answer = await node.download(url, options);
  if (answer.status !== 200) throw badAnswer(`names a file that can't be had (${answer.status})`);
  return answer;
}
