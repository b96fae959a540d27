import { CHECKOUT, type PageMachine } from './page-machine.ts';

const SHARE = '/usr/share/backy2';

/** Puts backy2 on a machine, with the paths of the Debian package (docs/install.md). */
export async function install(machine: PageMachine): Promise<void> {
  await machine.ok(`ln -s ${CHECKOUT}/bin/backy2 /usr/bin/backy2 && mkdir -p ${SHARE} /usr/share/doc/backy2`);
  await machine.ok(`cp -r ${CHECKOUT}/backy.cfg.example ${CHECKOUT}/docs/scripts ${SHARE}`);
  await machine.ok(`cp -r ${CHECKOUT}/docs /usr/share/doc/backy2`);
  await machine.ok(`cp ${CHECKOUT}/docs/systemd/* /usr/lib/systemd/system/`);
  machine.write('/usr/lib/tmpfiles.d/backy2.conf', 'd /run/backy2 0700 root root\n');
  await machine.ok('systemd-tmpfiles --create backy2.conf');
}

/** Installs backy2, and configures it as the head of backy.cfg.example says. */
export async function installConfigured(machine: PageMachine): Promise<void> {
  await install(machine);
  await machine.ok(`cp ${SHARE}/backy.cfg.example /etc/backy.cfg && chmod 600 /etc/backy.cfg`);
  await makeFolders(machine);
  await machine.ok('backy2 initdb');
}

/** Runs the commands at the head of /etc/backy.cfg, but not initdb. */
export async function makeFolders(machine: Pick<PageMachine, 'read' | 'ok'>): Promise<void> {
  const [, block = ''] = /Before the first backup:\n#\n((?:# {4,}.*\n)+)/.exec(machine.read('/etc/backy.cfg')) ?? [];
  const lines = block.split('\n').map((line) => line.replace(/^#\s*/, ''));
  for (const line of lines.filter((text) => text !== '' && !text.endsWith(' initdb'))) await machine.ok(line);
}
