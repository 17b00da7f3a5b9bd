import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Tracing } from '../tracing/index.ts';

/** What answers requests, and tells the route of each. */
interface Answering {
  answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<string | null>;
}

/** The same API, with a span for each request, which goes on with the caller's own trace. */
export function traceApi<Api extends Answering>(api: Api, tracing: Tracing): Api {
  return {
    ...api,
    answer(path, request, response) {
      const { method = 'GET' } = request;
      const parent = request.headers.traceparent;
      const options = {
        kind: 'server',
        attributes: { 'http.request.method': method },
        parent: typeof parent === 'string' ? parent : undefined,
      } as const;
      return tracing.span(method, options, async (span) => {
        const route = await api.answer(path, request, response);
        if (route !== null) {
          span.rename(`${method} ${route}`);
          span.set({ 'http.route': route, 'http.response.status_code': response.statusCode });
        }
        return route;
      });
    },
  };
}
