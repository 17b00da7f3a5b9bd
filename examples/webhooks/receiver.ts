/**
 * Receives webhooks, and believes only what Switchyard has signed.
 *
 *     WEBHOOK_SECRET=whsec_… PORT=8080 node examples/webhooks/receiver.ts
 */
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

export interface Told {
  /** The same each time that the event is sent. */
  readonly id: string;
  /** task.succeeded; webhook.disabled */
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly taskId?: string; readonly status?: string; readonly version?: number };
}

/** @param handle is told each event once, as long as this process remembers it */
export function createReceiver(secret: string, handle: (told: Told) => void): Server {
  const webhook = new Webhook(secret);
  // Somewhere durable, where what is done with an event must not be done twice.
  const seen = new Set<string>();
  return createServer(async (request, response) => {
    // As it came: a body that was parsed and printed again has another signature.
    const body = await text(request);
    const headers = Object.fromEntries(
      ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [
        name,
        String(request.headers[name] ?? ''),
      ]),
    );
    try {
      const told = webhook.verify(body, headers) as Omit<Told, 'id'>;
      const id = headers['webhook-id'] ?? '';
      if (!seen.has(id)) handle({ id, ...told });
      seen.add(id);
      response.writeHead(204).end();
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      response.writeHead(401).end();
    }
  });
}

if (import.meta.main) {
  const { WEBHOOK_SECRET = '', PORT = '8080' } = process.env;
  createReceiver(WEBHOOK_SECRET, (told) => console.log(JSON.stringify(told))).listen(Number(PORT));
}
