import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Api } from './api.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';
import { GRAPHQL_PATH } from './paths.ts';

/** Answers a request. @returns the route for metrics: one of few */
export type Router = (request: IncomingMessage, response: ServerResponse) => Promise<string>;

export interface RouterOptions {
  /** Null where the process serves none. */
  readonly api: Pick<Api, 'answer'> | null;
  readonly health: Health;
  readonly metrics: Metrics;
}

function notFound(response: ServerResponse, where: string): void {
  const text = `there is nothing here; ${where}\n`;
  response
    .writeHead(404, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
}

/** Which part of the server answers which path. */
export function createRouter({ api, health, metrics }: RouterOptions): Router {
  const where =
    api === null
      ? 'this process is a worker, and the API is on the processes with --role api or all'
      : `the API is at ${GRAPHQL_PATH}`;

  async function answerFixed(path: string, response: ServerResponse): Promise<boolean> {
    switch (path) {
      case '/health/live':
        health.live(response);
        return true;
      case '/health/ready':
        await health.ready(response);
        return true;
      case '/metrics': {
        const text = await metrics.text();
        response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
        return true;
      }
      default:
        return false;
    }
  }

  return async (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (await answerFixed(path, response)) return path;
    const route = await api?.answer(path, request, response);
    if (route != null) return route;
    notFound(response, where);
    return 'none';
  };
}
