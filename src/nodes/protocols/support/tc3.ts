import { createHash, createHmac } from 'node:crypto';

/** What TC3-HMAC-SHA256 signs of a POST without a query. */
export interface Tc3Request {
  readonly secretId: string;
  readonly secretKey: string;
  /** `ai3d` */
  readonly service: string;
  /** With its port, as the header has it. */
  readonly host: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Seconds since 1970: the server refuses those that are more than five minutes off. */
  readonly timestamp: number;
}

const SIGNED_HEADERS = 'content-type;host';

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/** The Authorization header of a request to Tencent Cloud, in its third way to sign them. */
export function signTc3(request: Tc3Request): string {
  const { secretId, secretKey, service, host, path, contentType, body, timestamp } = request;
  const date = new Date(timestamp * 1000).toISOString().slice(0, 10);
  const scope = `${date}/${service}/tc3_request`;
  const headers = `content-type:${contentType}\nhost:${host}\n`;
  const canonical = ['POST', path, '', headers, SIGNED_HEADERS, sha256(body)].join('\n');
  const toSign = ['TC3-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(`TC3${secretKey}`, date), service), 'tc3_request');
  const signature = hmac(key, toSign).toString('hex');
  return `TC3-HMAC-SHA256 Credential=${secretId}/${scope}, SignedHeaders=${SIGNED_HEADERS}, Signature=${signature}`;
}
