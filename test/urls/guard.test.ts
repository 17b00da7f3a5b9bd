import type { LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createUrlGuard, ForbiddenUrlError, type UrlGuardOptions } from '../../src/urls/index.ts';
import { serve } from '../artifacts/http-support.ts';

function openGuard(options: Partial<UrlGuardOptions> = {}) {
  const guard = createUrlGuard({ allowHosts: [], ...options });
  return Object.assign(guard, { [Symbol.asyncDispose]: guard.close });
}

/** Whether a URL may be fetched, as far as it can be told without a request. */
async function isLetThrough(url: string, options: Partial<UrlGuardOptions> = {}): Promise<boolean> {
  await using guard = openGuard(options);
  try {
    await guard.check(new URL(url));
    return true;
  } catch (error) {
    if (error instanceof ForbiddenUrlError) return false;
    throw error;
  }
}

/** A name server of one's own, which answers each question with the next of its answers. */
function answering(...answers: readonly (readonly string[])[]): typeof systemLookup {
  let asked = 0;
  const lookup = (_host: string, _options: object, callback: (error: null, all: LookupAddress[]) => void) => {
    const addresses = answers[Math.min(asked++, answers.length - 1)] ?? [];
    callback(
      null,
      addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })),
    );
  };
  return lookup as unknown as typeof systemLookup;
}

const get = { method: 'GET', path: '/' } as const;

describe('addresses that are not of the internet', () => {
  it.each([
    ['this network', '0.0.0.0', '0.255.255.255'],
    ['private', '10.0.0.0', '10.255.255.255'],
    ['carrier-grade NAT', '100.64.0.0', '100.127.255.255'],
    ['loopback', '127.0.0.0', '127.255.255.255'],
    ['link-local, and clouds’ metadata', '169.254.0.0', '169.254.255.255'],
    ['private', '172.16.0.0', '172.31.255.255'],
    ['protocol assignments', '192.0.0.0', '192.0.0.255'],
    ['documentation', '192.0.2.0', '192.0.2.255'],
    ['6to4 relays', '192.88.99.0', '192.88.99.255'],
    ['private', '192.168.0.0', '192.168.255.255'],
    ['benchmarks', '198.18.0.0', '198.19.255.255'],
    ['documentation', '198.51.100.0', '198.51.100.255'],
    ['documentation', '203.0.113.0', '203.0.113.255'],
    ['multicast', '224.0.0.0', '239.255.255.255'],
    ['reserved, and broadcast', '240.0.0.0', '255.255.255.255'],
    ['a cloud’s own service', '168.63.129.16', '168.63.129.16'],
    ['unspecified and loopback', '[::]', '[::1]'],
    ['IPv4-compatible', '[::127.0.0.1]', '[::10.0.0.1]'],
    ['IPv4-mapped', '[::ffff:127.0.0.1]', '[::ffff:a9fe:a9fe]'],
    ['NAT64', '[64:ff9b::127.0.0.1]', '[64:ff9b::a9fe:a9fe]'],
    ['local NAT64', '[64:ff9b:1::1]', '[64:ff9b:1:ffff::1]'],
    ['discard-only', '[100::1]', '[100::ffff]'],
    ['Teredo, ORCHID', '[2001::1]', '[2001:20::1]'],
    ['documentation', '[2001:db8::1]', '[3fff::1]'],
    ['6to4', '[2002:7f00:1::]', '[2002:a9fe:a9fe::]'],
    ['segment routing', '[5f00::1]', '[5f00:ffff::1]'],
    ['unique local, and a cloud’s metadata', '[fc00::1]', '[fd00:ec2::254]'],
    ['link-local', '[fe80::1]', '[febf::1]'],
    ['site-local', '[fec0::1]', '[feff::1]'],
    ['multicast', '[ff02::1]', '[ff0e::1]'],
  ])('%s: %s to %s', async (_what, first, last) => {
    for (const host of [first, last]) {
      expect(await isLetThrough(`https://${host}/`), host).toBe(false);
      expect(
        await isLetThrough('https://files.example/', { lookup: answering([host.replace(/[[\]]/g, '')]) }),
      ).toBe(false);
    }
  });

  it.each(['8.8.8.8', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '[2606:4700::1111]'])(
    '%s is of it',
    async (host) => {
      expect(await isLetThrough(`http://${host}:8080/`)).toBe(true);
      expect(
        await isLetThrough('http://x.example/', { lookup: answering([host.replace(/[[\]]/g, '')]) }),
      ).toBe(true);
    },
  );

  it('is judged alike however an IPv4 address is written', async () => {
    await using guard = openGuard();
    const verdict = (host: string) =>
      guard.dispatcherFor(new URL(`http://${host}/`)).then(
        () => 'allowed',
        () => 'refused',
      );
    const byte = fc.integer({ min: 0, max: 255 });
    // The edges of the networks are where mistakes are.
    const first = fc.oneof(byte, fc.constantFrom(0, 10, 100, 127, 169, 172, 192, 198, 203, 224));
    await fc.assert(
      fc.asyncProperty(fc.tuple(first, byte, byte, byte), async (bytes) => {
        const [a, b, c, d] = bytes;
        const number = ((a * 256 + b) * 256 + c) * 256 + d;
        const hex = (high: number, low: number) => (high * 256 + low).toString(16);
        const forms = [
          `0x${number.toString(16)}`,
          String(number),
          bytes.map((part) => `0${part.toString(8)}`).join('.'),
          `${a}.${b * 65_536 + c * 256 + d}`,
          `${bytes.join('.')}.`,
          `[::ffff:${bytes.join('.')}]`,
          `[0:0:0:0:0:ffff:${hex(a, b)}:${hex(c, d)}]`,
        ];
        const expected = await verdict(bytes.join('.'));
        for (const form of forms) expect(await verdict(form), form).toBe(expected);
        // What only leads to it is never let through.
        for (const disguise of [`[64:ff9b::${bytes.join('.')}]`, `[::${bytes.join('.')}]`]) {
          expect(await verdict(disguise)).toBe('refused');
        }
        expect(await verdict(`[2002:${hex(a, b)}:${hex(c, d)}::1]`)).toBe('refused');
      }),
    );
  });
});

describe('a URL', () => {
  it.each([
    ['file:///etc/passwd', 'the URL must begin with http:// or https://'],
    ['ftp://192.0.2.1/x', 'the URL must begin with http:// or https://'],
    ['data:text/plain,x', 'the URL must begin with http:// or https://'],
    ['gopher://8.8.8.8/', 'the URL must begin with http:// or https://'],
    ['https://ann@8.8.8.8/', 'the URL must not bear a user name or a password'],
    ['https://ann:secret@example.com/', 'the URL must not bear a user name or a password'],
    [
      'http://localhost:1/',
      'the host localhost is not on the public internet, and not allowed on this server',
    ],
  ])('%s is refused: %s', async (url, message) => {
    await using guard = openGuard({ allowHosts: ['192.0.2.1'] });
    await expect(guard.check(new URL(url))).rejects.toThrow(message);
  });

  it('whose name cannot be resolved now is let through, to be judged when it is fetched', async () => {
    expect(await isLetThrough('https://nowhere.invalid/')).toBe(true);
  });
});

describe('a name', () => {
  it('that is public when it is checked and private when it is connected to is not reached', async () => {
    await using server = await serve((_request, response) => void response.end('secret'));
    await using guard = openGuard({ lookup: answering(['93.184.216.34'], ['127.0.0.1']) });
    const url = new URL(`http://rebinding.example:${server.port}/`);
    await guard.check(url);
    const dispatcher = await guard.dispatcherFor(url);
    await expect(dispatcher.request({ origin: url.origin, ...get })).rejects.toThrow(ForbiddenUrlError);
    expect(server.paths).toEqual([]);
  });

  it('that has one private address among others is not reached', async () => {
    await using server = await serve((_request, response) => void response.end('secret'));
    await using guard = openGuard({ lookup: answering(['8.8.8.8', '::ffff:127.0.0.1']) });
    const url = new URL(`http://both.example:${server.port}/`);
    const dispatcher = await guard.dispatcherFor(url);
    await expect(dispatcher.request({ origin: url.origin, ...get })).rejects.toThrow(ForbiddenUrlError);
    expect(server.paths).toEqual([]);
  });

  it('is connected to at the address that was checked, without being looked up again', async () => {
    await using server = await serve((request, response) => void response.end(request.headers.host));
    const lookup = answering(['127.0.0.1'], ['10.0.0.1']);
    await using guard = openGuard({ allowHosts: ['127.0.0.0/8'], lookup });
    const url = new URL(`http://files.example:${server.port}/`);
    const dispatcher = await guard.dispatcherFor(url);
    const { body } = await dispatcher.request({ origin: url.origin, ...get });
    expect(await body.text()).toBe(url.host);
  });
});

describe('what the operator allows', () => {
  it.each([
    ['minio', 'http://minio/', true],
    ['minio', 'http://MINIO:9000/', true],
    ['minio:9000', 'http://minio:9000/', true],
    ['minio:9000', 'http://minio/', false],
    ['minio:443', 'https://minio/', true],
    ['minio:443', 'http://minio/', false],
    ['*.gpu.internal', 'http://a.gpu.internal/', true],
    ['*.gpu.internal', 'http://gpu.internal/', false],
    ['*.gpu.internal', 'http://a.gpu.internal.example/', false],
    ['gpu.internal', 'http://evilgpu.internal/', false],
    ['10.1.0.0/16', 'http://10.1.2.3/', true],
    ['10.1.0.0/16', 'http://10.2.0.1/', false],
    ['10.1.0.0/16', 'http://[::ffff:10.1.2.3]/', true],
    ['10.0.0.5', 'http://10.0.0.5:8080/', true],
    ['10.0.0.5:9000', 'http://10.0.0.5:9000/', true],
    ['10.0.0.5:9000', 'http://10.0.0.5/', false],
    ['fd00::/8', 'http://[fd12::1]/', true],
    ['fd00::/8', 'http://[fe80::1]/', false],
    ['[fd00::1]:9000', 'http://[fd00::1]:9000/', true],
    ['[fd00::1]:9000', 'http://[fd00::1]/', false],
    ['10.0.0.0/8', 'http://ann:secret@10.0.0.1/', false],
    ['10.0.0.0/8', 'ftp://10.0.0.1/', false],
  ])('by %s: %s is let through: %s', async (pattern, url, expected) => {
    const lookup = answering(['192.168.0.9']);
    expect(await isLetThrough(url, { allowHosts: [pattern], lookup })).toBe(expected);
  });

  it('covers names that lead into an allowed network, and no others', async () => {
    const allowHosts = ['10.1.0.0/16'];
    expect(await isLetThrough('http://x.example/', { allowHosts, lookup: answering(['10.1.0.9']) })).toBe(
      true,
    );
    expect(
      await isLetThrough('http://x.example/', { allowHosts, lookup: answering(['10.1.0.9', '10.2.0.9']) }),
    ).toBe(false);
  });

  it('is joined by the host of whoever named the URL, on any of its ports', async () => {
    await using guard = openGuard();
    await guard.dispatcherFor(new URL('http://10.0.0.7:9000/a.png'), '10.0.0.7');
    await expect(guard.dispatcherFor(new URL('http://10.0.0.8/a.png'), '10.0.0.7')).rejects.toThrow(
      ForbiddenUrlError,
    );
  });
});
