import { BackyError } from '../../errors.ts';
import type { ListenAddress } from '../../nbd/listen-address.ts';
import type { TlsFiles } from '../../nbd/tls-files.ts';
import type { Command, Invocation } from '../command.ts';
import { FROM_STORE, refuseWithFromStore } from '../options/from-store.ts';
import { filledText, flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';

/** NBD's port at IANA. */
const NBD_PORT = 10809;
const LOOPBACK = '127.0.0.1';

export const nbdCommand: Command = {
  name: 'nbd',
  description: 'Serve versions as block devices over NBD.',
  changesVersions: true,
  args: [],
  options: [
    ['--socket <file>', 'listen on this Unix socket [backy2-nbd.sock in $XDG_RUNTIME_DIR or /run]'],
    ['--address <address>', `listen on this TCP address [${LOOPBACK}]`],
    ['--port <port>', `listen on this TCP port [${NBD_PORT}]`],
    ['--tls-certificates <folder>', 'require TLS, with server-cert.pem and server-key.pem from this folder'],
    ['--tls-verify-peer', 'require client certificates signed by ca-cert.pem in that folder'],
    ['--tls-psk <file>', 'require TLS, with the keys in this file (lines of user:hexkey)'],
    ['--read-only', 'refuse writes [keep them until exit]'],
    ['--export <uid_or_name>', 'serve only this version, or the newest of this name'],
    ['--save', 'save writes as a version when the last client leaves'],
    FROM_STORE,
  ],
  examples: [
    ['backy2 nbd --socket /run/web.sock --export web', 'Serves the newest valid version of web, until Ctrl-C.'],
    ["nbdcopy 'nbd+unix:///web?socket=/run/web.sock' /dev/vg0/web", 'Copies it to a device, from another terminal.'],
    ['backy2 nbd --address 0.0.0.0 --tls-psk /etc/backy2.psk --export web', 'Serves it to clients that have a key in that file.'],
    ['backy2 nbd --export web --save', 'Lets you repair a file system inside a backup, then restore it.'],
  ],
  fromStore: ({ options }) => (flag(options.fromStore) ? { kind: 'uidOrName', text: text(options.export) ?? '' } : undefined),
  checkUsage({ options }) {
    refuseWithFromStore('nbd', { options }, [['save', '--save']]);
    if (flag(options.fromStore) && !filledText(options.export))
      throw new BackyError('usage', 'nbd: --from-store needs --export: the blocks of that version are read first.', {
        hint: 'List the versions with: backy2 ls --from-store',
      });
  },
  async prepare({ options }) {
    const files = tlsFiles(options);
    const address = listenAddress(options);
    const save = flag(options.save);
    const tls = files === undefined ? undefined : (await import('../../nbd/tls-files.ts')).loadTls(files);
    const request = {
      address,
      socketFolder: socketFolder(),
      only: filledText(options.export),
      readOnly: flag(options.readOnly),
      save,
      tls: tls?.options,
    };
    const warnings = [...openWarnings({ address, files, save }), ...(tls?.warnings ?? [])];
    return async ({ backy, note, sayMachine, warn }) => {
      for (const warning of warnings) warn(warning);
      const result = await backy.serveNbd({
        ...request,
        onListening: (uri) => {
          note({ uri });
          sayMachine(uri);
        },
        onSaved: ({ uid }) => sayMachine(uid),
      });
      return { result: { ...result } };
    };
  },
};

/** Undefined: the usual Unix socket. */
function listenAddress(options: Invocation['options']): ListenAddress | undefined {
  if (flag(options.readOnly) && flag(options.save))
    throw new BackyError('usage', 'nbd: --save and --read-only exclude each other.', { hint: 'Leave one of them out.' });
  const [socket, host, port] = [text(options.socket), text(options.address), text(options.port)];
  if (socket !== undefined && (host !== undefined || port !== undefined))
    throw new BackyError('usage', 'nbd: --socket excludes --address and --port.', { hint: 'Choose a socket or a TCP address.' });
  if (socket === '') throw new BackyError('usage', 'nbd: --socket needs a path.', { hint: 'See: backy2 nbd --help' });
  if (socket !== undefined) return { path: socket };
  if (host === undefined && port === undefined) return undefined;
  const number = port === undefined ? NBD_PORT : parseWhole(port, '--port');
  if (number < 0 || number > 65535) throw new BackyError('usage', `--port takes a number up to 65535, not "${port}".`);
  return { host: host ?? LOOPBACK, port: number };
}

/** Undefined: no TLS. */
function tlsFiles(options: Invocation['options']): TlsFiles | undefined {
  const [certificates, psk, verifyPeer] = [text(options.tlsCertificates), text(options.tlsPsk), flag(options.tlsVerifyPeer)];
  if (certificates !== undefined && psk !== undefined)
    throw new BackyError('usage', 'nbd: --tls-certificates and --tls-psk exclude each other.', {
      hint: 'Leave one of them out.',
    });
  if (verifyPeer && certificates === undefined)
    throw new BackyError('usage', 'nbd: --tls-verify-peer needs --tls-certificates.', { hint: 'See: backy2 nbd --help' });
  if (certificates === '' || psk === '')
    throw new BackyError('usage', `nbd: ${psk === '' ? '--tls-psk' : '--tls-certificates'} needs a path.`, {
      hint: 'See: backy2 nbd --help',
    });
  if (psk !== undefined) return { psk };
  return certificates === undefined ? undefined : { certificates, verifyPeer };
}

/** A warning if users can connect who have no right to. */
function openWarnings({
  address,
  files,
  save,
}: {
  address: ListenAddress | undefined;
  files: TlsFiles | undefined;
  save: boolean;
}) {
  // A unix socket is for its owner only.
  if (address === undefined || !('host' in address)) return [];
  if (files !== undefined && ('psk' in files || files.verifyPeer)) return [];
  const { host } = address;
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  const who = isLoopback ? 'Every user of this host' : `Anyone who can connect to ${host}`;
  const rights = save ? 'read all served versions, and save new ones' : 'read all served versions';
  const advice =
    files === undefined
      ? 'NBD has no passwords. Use a unix socket (--socket), or TLS (--tls-psk).'
      : 'TLS encrypts, but no client needs a certificate. Add --tls-verify-peer.';
  return [`${who} can ${rights}: ${advice}`];
}

/** The folder for sockets; undefined: this user has none. */
function socketFolder(): string | undefined {
  return process.env.XDG_RUNTIME_DIR || (process.getuid?.() === 0 ? '/run' : undefined);
}
