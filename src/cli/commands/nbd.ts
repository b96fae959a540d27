import { BackyError } from '../../errors.ts';
import type { ListenAddress } from '../../nbd/server.ts';
import type { Command } from '../command.ts';
import { filledText, flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';

/** The port that IANA gave to NBD. */
const NBD_PORT = 10809;
const LOOPBACK = '127.0.0.1';

export const nbdCommand: Command = {
  name: 'nbd',
  description: 'Serve versions as block devices over NBD.',
  args: [],
  options: [
    ['--socket <file>', 'listen on this unix socket (default: backy2-nbd.sock in $XDG_RUNTIME_DIR or /run)'],
    ['--address <address>', 'listen on this address instead; whoever can reach it can read all backups'],
    ['--port <port>', `listen on this TCP port (default: ${NBD_PORT}; address: ${LOOPBACK})`],
    ['--read-only', 'refuse to write; else what is written is seen until the program ends, and no version changes'],
    ['--export <uid_or_name>', 'offer this version alone, or the newest valid one of this name'],
    ['--save', 'when the last client of a version has disconnected, make a new version of what was written'],
  ],
  examples: [
    ['backy2 nbd --socket /run/web.sock --export web', 'Serves the newest valid version of web, until Ctrl-C.'],
    ["nbdcopy 'nbd+unix:///web?socket=/run/web.sock' /dev/vg0/web", 'Copies it to a device, from another terminal.'],
    ['backy2 nbd --export web --save', 'So that a file system can be repaired in a backup, and restored.'],
  ],
  async run({ options, backy, note, sayMachine, warn }) {
    if (flag(options.readOnly) && flag(options.save))
      throw new BackyError('usage', 'nbd: --save and --read-only exclude each other.', { hint: 'Leave one of them out.' });
    const address = listenAddress(options);
    if (address !== undefined && 'host' in address && !isLoopback(address.host))
      warn(`Whoever can reach ${address.host} can read all that is served: NBD asks for no password.`);
    const result = await backy.serveNbd({
      address,
      socketFolder: socketFolder(),
      only: filledText(options.export),
      readOnly: flag(options.readOnly),
      save: flag(options.save),
      onListening: (uri) => {
        note({ uri });
        sayMachine(uri);
      },
      onSaved: ({ uid }) => sayMachine(uid),
    });
    return { result: { ...result } };
  },
};

/** Undefined: the usual unix socket. */
function listenAddress(options: Record<string, string | boolean | undefined>): ListenAddress | undefined {
  const [socket, host, port] = [text(options.socket), text(options.address), text(options.port)];
  if (socket !== undefined && (host !== undefined || port !== undefined))
    throw new BackyError('usage', 'nbd: --socket goes with neither --address nor --port.', { hint: 'Choose one of them.' });
  if (socket === '') throw new BackyError('usage', 'nbd: --socket needs a path.', { hint: 'See: backy2 nbd --help' });
  if (socket !== undefined) return { path: socket };
  if (host === undefined && port === undefined) return undefined;
  const number = port === undefined ? NBD_PORT : parseWhole(port, '--port');
  if (number < 0 || number > 65535) throw new BackyError('usage', `--port takes a number up to 65535, not "${port}".`);
  return { host: host ?? LOOPBACK, port: number };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Where sockets belong; undefined: nowhere in particular. */
function socketFolder(): string | undefined {
  return process.env.XDG_RUNTIME_DIR || (process.getuid?.() === 0 ? '/run' : undefined);
}
