import { GraphQLError } from 'graphql';
import { isAsyncIterable, type Plugin, processRegularResult } from 'graphql-yoga';

/** What answers can be written as. */
const writable =
  /\*\/\*|(application|text|multipart)\/\*|application\/(graphql-response\+)?json|text\/event-stream|multipart\/mixed/i;

function refusal(status: 406 | 415, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', http: { status } } });
}

const notAcceptable = () =>
  refusal(
    406,
    'no answer can be written as the header Accept asks: send application/json, or text/event-stream for a subscription',
  );

const unsupported = (contentType: string | null) =>
  refusal(
    415,
    `a request must be application/json, or multipart/form-data for uploads; got ${contentType ?? 'no content-type'}`,
  );

/**
 * Tells in the body what is wrong with the media type of a request, or of the answer that it asks for. Nothing
 * is executed whose answer cannot be written; only of a subscription that shows later.
 */
export function useMediaTypes(): Plugin {
  return {
    onRequestParse({ request, requestParser }) {
      const accept = request.headers.get('accept');
      if (accept && !writable.test(accept)) throw notAcceptable();
      if (request.method === 'POST' && requestParser === undefined) {
        throw unsupported(request.headers.get('content-type'));
      }
    },
    async onResultProcess({ result, resultProcessor, setResult, setResultProcessor }) {
      if (resultProcessor !== undefined) return;
      // Whoever refuses JSON gets its refusal in JSON all the same.
      setResultProcessor(processRegularResult, 'application/json');
      if (!Array.isArray(result) && 'errors' in result && result.errors) return;
      if (isAsyncIterable(result)) await result[Symbol.asyncIterator]().return?.();
      setResult({ errors: [notAcceptable()] });
    },
  };
}
