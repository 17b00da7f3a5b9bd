import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** Random bytes, as many as SHA-256 can use. */
export const makeSecret = (): Buffer => randomBytes(SECRET_BYTES);

/** As its owner gets it. */
export const shownSecret = (secret: Uint8Array): string =>
  `${PREFIX}${Buffer.from(secret).toString('base64')}`;

/** What a request says of itself beside its body. */
export interface Signed {
  readonly id: string;
  /** Of this attempt. */
  readonly at: Date;
  readonly body: string;
}

/** The headers of Standard Webhooks, with a signature for each of the secrets. */
export function signatureHeaders(
  { id, at, body }: Signed,
  secrets: readonly Uint8Array[],
): Record<string, string> {
  const signatures = secrets.map((secret) => new Webhook(secret, { format: 'raw' }).sign(id, at, body));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}
