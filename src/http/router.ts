import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServeArtifact } from './artifacts.ts';
import type { ServeGraphiQL } from './graphiql.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';

/** Answers a request. @returns the route for metrics: one of few */
export type Router = (request: IncomingMessage, response: ServerResponse) => Promise<string>;

export interface RouterOptions {
  readonly graphqlPath: string;
  readonly serveGraphQL: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly serveGraphiQL: ServeGraphiQL;
  readonly serveArtifact: ServeArtifact;
  readonly health: Health;
  readonly metrics: Metrics;
}

function notFound(response: ServerResponse, graphqlPath: string): void {
  const text = `there is nothing here; the API is at ${graphqlPath}\n`;
  response
    .writeHead(404, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
}

/** Which part of the server answers which path. */
export function createRouter(options: RouterOptions): Router {
  const { graphqlPath, serveGraphQL, serveGraphiQL, serveArtifact, health, metrics } = options;

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
    if (path === graphqlPath) {
      if (await serveGraphiQL(request, response)) return 'graphiql';
      await serveGraphQL(request, response);
      return graphqlPath;
    }
    if (await answerFixed(path, response)) return path;
    if (await serveArtifact(request, response)) return '/artifacts';
    notFound(response, graphqlPath);
    return 'none';
  };
}
