import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';

const HEADER = 'x-graphql-yoga-csrf';

const refusal = () =>
  new GraphQLError(
    `a GET, form or multipart request without Authorization needs the header ${HEADER}, with any value`,
    { extensions: { code: 'FORBIDDEN', http: { status: 403 } } },
  );

/**
 * Refuses what a foreign page could send without the browser asking first. A request that bears
 * `Authorization` can come from no such page.
 */
export function useCsrfPrevention(): Plugin {
  const prevention = useCSRFPrevention({ requestHeaders: [HEADER] });
  return {
    onRequestParse(payload) {
      if (payload.request.headers.has('authorization')) return;
      try {
        return prevention.onRequestParse?.(payload);
      } catch {
        throw refusal();
      }
    },
  };
}
