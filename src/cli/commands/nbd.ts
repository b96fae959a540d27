import { BackyError } from '../../errors.ts';
import type { ListenAddress } from '../../nbd/server.ts';
import type { Command, Invocation } from '../command.ts';
import { filledText, flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';

/** NBD's port at IANA. */
const NBD_PORT = 10809;
const LOOPBACK = '127.0.0.1';

export const nbdCommand: Command = {
  name: 'nbd',
  description: 'Serve versions as block devices over NBD.',
  args: [],
  options: [
    ['--socket <file>', 'listen on this Unix socket [backy2-nbd.sock in $XDG_RUNTIME_DIR or /run]'],
    ['--address <address>', `listen on this TCP address [${LOOPBACK}]`],
    ['--port <port>', `listen on this TCP port [${NBD_PORT}]`],
    ['--read-only', 'refuse writes [keep them until exit]'],
    ['--export <uid_or_name>', 'serve only this version, or the newest of this name'],
    ['--save', 'save writes as a version when the last client leaves'],
  ],
  examples: [
    ['backy2 nbd --socket /run/web.sock --export web', 'Serves the newest valid version of web, until Ctrl-C.'],
    ["nbdcopy 'nbd+unix:///web?socket=/run/web.sock' /dev/vg0/web", 'Copies it to a device, from another terminal.'],
    ['backy2 nbd --export web --save', 'Lets you repair a file system inside a backup, then restore it.'],
  ],
  prepare({ options }) {
    const request = {
      address: listenAddress(options),
      socketFolder: socketFolder(),
      only: filledText(options.export),
      readOnly: flag(options.readOnly),
      save: flag(options.save),
    };
    return async ({ backy, note, sayMachine, warn }) => {
      const openTo = openHost(request.address);
      if (openTo !== undefined) warn(`Anyone who can connect to ${openTo} can read all served versions: NBD has no passwords.`);
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

/** The host, if other machines can connect to it. */
function openHost(address: ListenAddress | undefined): string | undefined {
  if (address === undefined || !('host' in address)) return undefined;
  const { host } = address;
  return host === 'localhost' || host === '::1' || host.startsWith('127.') ? undefined : host;
}

/** The folder for sockets; undefined: this user has none. */
function socketFolder(): string | undefined {
  return process.env.XDG_RUNTIME_DIR || (process.getuid?.() === 0 ? '/run' : undefined);
}
