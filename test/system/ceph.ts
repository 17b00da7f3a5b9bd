import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { vi } from 'vitest';
import type { StorageLocation } from '../../src/artifacts/index.ts';
import { freePort } from '../support/free-port.ts';

const run = promisify(execFile);

export interface CephStore extends AsyncDisposable {
  /** A folder of its own in the one bucket. */
  location(prefix: string): Extract<StorageLocation, { type: 's3' }>;
}

const configuration = (folder: string, fsid: string, monitor: string, port: number) => `[global]
fsid = ${fsid}
mon host = ${monitor}
public addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = ${folder}/keyring
mon data = ${folder}/mon
osd data = ${folder}/osd
rgw data = ${folder}/rgw
run dir = ${folder}
admin socket = ${folder}/$name.asok
log file =
log to stderr = false
osd objectstore = memstore
memstore device bytes = 2147483648
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
mon allow pool size one = true
mon data avail crit = 1
rgw frontends = beast endpoint=127.0.0.1:${port}
rgw override bucket index max shards = 1
rgw usage max shards = 1
rgw gc max objs = 1
rgw lc max objs = 1
rgw md log max shards = 1
rgw data log num shards = 1
rgw objexp hints num shards = 1
`;

/** The keys of its daemons, and the map that its monitor begins with. */
async function prepare(folder: string, fsid: string, monitor: string): Promise<void> {
  const keyring = path.join(folder, 'keyring');
  const add = (name: string, ...caps: string[]) =>
    run('ceph-authtool', [
      ...[keyring, '--gen-key', '-n', name],
      ...caps.flatMap((cap) => ['--cap', ...cap.split('=')]),
    ]);
  await run('ceph-authtool', ['--create-keyring', keyring]);
  await add('mon.', 'mon=allow *');
  await add('client.admin', 'mon=allow *', 'osd=allow *', 'mgr=allow *');
  await add('osd.0', 'mon=allow profile osd', 'osd=allow *');
  const map = path.join(folder, 'monmap');
  await run('monmaptool', ['--create', '--addv', 'a', `[${monitor}]`, '--fsid', fsid, map]);
}

/**
 * Ceph's object gateway with all that it needs, in memory: a server of S3 that many run in earnest. Debian's
 * packages are ceph-mon, ceph-osd and radosgw.
 */
export async function startCeph(): Promise<CephStore> {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-ceph-'));
  const [fsid, osd, port] = [randomUUID(), randomUUID(), await freePort()];
  const monitor = `v2:127.0.0.1:${await freePort()}/0`;
  const config = path.join(folder, 'ceph.conf');
  const daemons: ChildProcess[] = [];
  const daemon = (command: string, id: string) => {
    daemons.push(spawn(command, ['-c', config, '-n', id, '-f'], { stdio: 'ignore' }));
  };
  const ceph = (command: string, ...args: string[]) => run(command, ['-c', config, ...args]);
  const key = { accessKeyId: 'switchyard', secretAccessKey: 'a-secret-key' };
  const endpoint = `http://127.0.0.1:${port}`;

  await Promise.all(['mon', 'osd', 'rgw'].map((name) => mkdir(path.join(folder, name))));
  await writeFile(config, configuration(folder, fsid, monitor, port));
  await prepare(folder, fsid, monitor.replace(/\/0$/, ''));
  const [map, keyring] = [path.join(folder, 'monmap'), path.join(folder, 'keyring')];
  await ceph('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring);
  daemon('ceph-mon', 'mon.a');
  await ceph('ceph', 'osd', 'new', osd);
  await ceph('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd);
  daemon('ceph-osd', 'osd.0');
  const user = ['--uid=switchyard', '--display-name=switchyard'];
  const keys = [`--access-key=${key.accessKeyId}`, `--secret=${key.secretAccessKey}`];
  await ceph('radosgw-admin', 'user', 'create', ...user, ...keys);
  daemon('radosgw', 'client.admin');
  await vi.waitFor(() => fetch(endpoint), { timeout: 30_000, interval: 100 });
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: key });
  await client.send(new CreateBucketCommand({ Bucket: 'switchyard' }));
  client.destroy();
  return {
    location: (prefix) => ({
      ...{ type: 's3', bucket: 'switchyard', prefix, endpoint, publicEndpoint: null },
      ...{ region: 'us-east-1', pathStyle: true, credentials: key },
    }),
    async [Symbol.asyncDispose]() {
      for (const child of daemons.toReversed()) {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
