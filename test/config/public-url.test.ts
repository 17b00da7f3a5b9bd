import { expect, test } from 'vitest';
import { urlOf } from '../../src/public-url.ts';
import { capturedLog } from '../http/support.ts';

test.for([
  ['127.0.0.1', null, 'http://127.0.0.1:4000', 0],
  ['::1', null, 'http://[::1]:4000', 0],
  ['0.0.0.0', null, 'http://127.0.0.1:4000', 1],
  ['::', null, 'http://[::1]:4000', 1],
  ['0.0.0.0', 'https://switchyard.example/', 'https://switchyard.example', 0],
] as const)('bound to %s, with %s for PUBLIC_URL, the URL is %s', ([host, publicUrl, url, warnings]) => {
  const { log, lines } = capturedLog('warn');
  expect(urlOf({ host, publicUrl }, 4000, log)).toBe(url);
  expect(lines).toHaveLength(warnings);
});
