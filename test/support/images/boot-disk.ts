import { noise } from './random.ts';

/** Bytes of a sector, as in BIOS calls. */
export const SECTOR = 512;

/**
 * The boot sector, as BIOS loads it to 0x7c00; the drive is in dl. Each line is one 8086
 * instruction.
 */
const PROGRAM = [
  'fa', // cli
  '31 c0', // xor ax, ax
  '8e d8', // mov ds, ax
  '8e d0', // mov ss, ax
  'bc 00 7c', // mov sp, 0x7c00
  'fb', // sti
  'fc', // cld
  '52', // push dx
  'b4 42', // mov ah, 0x42: read what the packet says
  'be 00 7d', // mov si, 0x7d00
  'cd 13', // int 0x13
  '72 17', // jc off
  'be 00 80', // mov si, 0x8000: where it was read to
  'ba f8 03', // mov dx, 0x3f8: COM1
  'ac', // next: lodsb
  '84 c0', // test al, al
  '74 03', // jz done
  'ee', // out dx, al
  'eb f8', // jmp next
  '5a', // done: pop dx
  'b8 00 43', // mov ax, 0x4300: write what the packet says
  'be 10 7d', // mov si, 0x7d10
  'cd 13', // int 0x13
  'ba 04 06', // off: mov dx, 0x604: qemu's power switch, where SeaBIOS puts it
  'b8 00 20', // mov ax, 0x2000
  'ef', // out dx, ax
  'f4', // halt: hlt
  'eb fd', // jmp halt
].join('');
const READ_PACKET = 0x100;
const WRITE_PACKET = 0x110;

/** The text that the disk prints, and the sectors it is copied between. */
interface BootText {
  text: string;
  from: number;
  to: number;
}

/**
 * A disk that a PC boots from. It prints a text from sector `from` to the first serial line, copies
 * it to sector `to`, and powers off. The rest is noise and zeros.
 */
export function bootDisk(sectors: number, { text, from, to }: BootText): Buffer {
  const disk = noise(sectors * SECTOR, 'disk');
  disk.fill(0, disk.length >> 2, disk.length >> 1);
  disk.fill(0, 0, SECTOR);
  Buffer.from(PROGRAM.replaceAll(' ', ''), 'hex').copy(disk);
  packetFor(from).copy(disk, READ_PACKET);
  packetFor(to).copy(disk, WRITE_PACKET);
  disk.writeUInt16LE(0xaa55, SECTOR - 2);
  disk.fill(0, from * SECTOR, (from + 1) * SECTOR).write(text, from * SECTOR);
  return disk;
}

/** BIOS's disk address packet: one sector, in memory at 0:8000. */
function packetFor(sector: number): Buffer {
  const packet = Buffer.from('10000100008000000000000000000000', 'hex');
  packet.writeBigUInt64LE(BigInt(sector), 8);
  return packet;
}
