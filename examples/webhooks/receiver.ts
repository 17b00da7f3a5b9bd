/**
 * Receives webhooks, and believes only what Switchyard has signed.
 *
 *     WEBHOOK_SECRET=whsec_… PORT=8080 node examples/webhooks/receiver.ts
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

export interface Told {
  /** The same each time that the event is sent. */
  readonly id: string;
  /** task.succeeded; webhook.disabled */
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly taskId?: string; readonly status?: string; readonly version?: number };
}

const MAX_BODY_BYTES = 64 * 1024;

/** The body as it came: one that was parsed and printed again has another signature. */
async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES)
      throw new WebhookVerificationError('longer than anything that Switchyard sends');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * @param handle is told each event once, as long as this process remembers it; where it throws, the answer is 500, and
 * the event comes again
 */
export function createReceiver(secret: string, handle: (told: Told) => void): Server {
  const webhook = new Webhook(secret);
  // Somewhere durable, where what is done with an event must not be done twice.
  const seen = new Set<string>();

  async function receive(request: IncomingMessage): Promise<void> {
    const headers = Object.fromEntries(
      ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [
        name,
        String(request.headers[name] ?? ''),
      ]),
    );
    const told = webhook.verify(await readBody(request), headers) as Omit<Told, 'id'>;
    const id = headers['webhook-id'] ?? '';
    if (!seen.has(id)) handle({ id, ...told });
    seen.add(id);
  }

  return createServer(async (request, response) => {
    try {
      await receive(request);
      response.writeHead(204).end();
    } catch (error) {
      const isForged = error instanceof WebhookVerificationError;
      if (!isForged) console.error(error);
      response.writeHead(isForged ? 401 : 500).end();
    }
  });
}

if (import.meta.main) {
  const { WEBHOOK_SECRET = '', PORT = '8080' } = process.env;
  createReceiver(WEBHOOK_SECRET, (told) => console.log(JSON.stringify(told))).listen(Number(PORT));
}
