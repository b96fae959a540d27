import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { endServing, type Serving, startNbd, startServing, stopServing } from '../support/program/serving.ts';

const PORT = 25471;
const image = noise(300_000, 'image');

let lab: Lab;
let server: Serving;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: 65536 });
  await lab.backup(`file://${lab.write('image', image)}`, 'vm');
});
afterEach(async () => {
  await endServing(server);
  lab.remove();
});

const startOnPort = (...args: string[]) => startServing(lab, 'nbd', '--port', String(PORT), ...args);
const qemuInfo = (credentials: string, host: string) =>
  tool(
    'qemu-img',
    ...['info', '--object', credentials, '--image-opts'],
    `driver=nbd,host=${host},port=${PORT},export=vm,tls-creds=tls`,
  );

test('clients with a certificate connect with TLS, and no others', async () => {
  const [folder, strangers] = [lab.path('certificates'), lab.path('strangers')];
  for (const each of [folder, strangers]) await makeCertificates(each);
  copyFileSync(`${folder}/ca-cert.pem`, `${strangers}/ca-cert.pem`);
  const secured = await startNbd(lab, '--tls-certificates', folder, '--tls-verify-peer');
  server = secured;
  expect(server.where).toBe(`nbds+unix:///?socket=${secured.socket}`);
  const secure = (certificates: string) => `nbds+unix://localhost/vm?socket=${secured.socket}&tls-certificates=${certificates}`;
  await tool('nbdcopy', secure(folder), lab.path('copied'));
  expect(sha256OfFile(lab.path('copied'))).toBe(sha256(image));
  await expect(tool('nbdinfo', `nbd+unix:///vm?socket=${secured.socket}`)).rejects.toThrow('nbd_opt_go');
  await expect(tool('nbdinfo', secure(strangers))).rejects.toThrow('gnutls');
  await stopServing(server);
  expect(lab.log()).toContain('the client has no certificate of the CA');
});

test('without --tls-verify-peer, TLS encrypts only, and a warning says so', async () => {
  const folder = lab.path('certificates');
  await makeCertificates(folder);
  server = await startOnPort('--tls-certificates', folder);
  expect(await qemuInfo(`tls-creds-x509,id=tls,dir=${folder},endpoint=client`, 'localhost')).toContain('file format: nbd');
  expect(lab.log()).toContain('TLS encrypts, but no client needs a certificate');
});

test('clients with a key connect with TLS', async () => {
  const keys = lab.path('keys.psk');
  writeFileSync(keys, `alice:${'5a'.repeat(32)}\n`, { mode: 0o600 });
  server = await startOnPort('--tls-psk', keys);
  expect(server.where).toBe(`nbds://127.0.0.1:${PORT}`);
  const size = await tool('nbdinfo', '--size', `nbds://alice@127.0.0.1:${PORT}/vm?tls-psk-file=${keys}`);
  expect(size.trim()).toBe(String(image.length));
  expect(await qemuInfo(`tls-creds-psk,id=tls,dir=${lab.path('')},username=alice,endpoint=client`, '127.0.0.1')).toContain(
    'file format: nbd',
  );
  expect(lab.log()).not.toContain('Every user of this host can');
});

/** Makes a CA, and certificates for localhost and for a client, with nbdkit's names. */
async function makeCertificates(folder: string): Promise<void> {
  mkdirSync(folder);
  const file = (name: string) => `${folder}/${name}`;
  const make = (name: string, ...more: string[]) =>
    tool(
      'openssl',
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-keyout', file(`${name}-key.pem`), '-out', file(`${name}-cert.pem`), ...more],
    );
  const ca = ['-CA', file('ca-cert.pem'), '-CAkey', file('ca-key.pem'), '-addext', 'basicConstraints=critical,CA:FALSE'];
  await make('ca', '-subj', '/CN=CA', '-addext', 'keyUsage=critical,keyCertSign');
  const host = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  await make('server', ...ca, ...host, '-addext', 'extendedKeyUsage=serverAuth');
  await make('client', ...ca, '-subj', '/CN=client', '-addext', 'extendedKeyUsage=clientAuth');
}
