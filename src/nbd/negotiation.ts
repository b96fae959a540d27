import { messageOf } from '../errors.ts';
import type { NbdDisk, NbdExport, NbdExports } from './disk.ts';
import { BASE_ALLOCATION, EXPORT_FLAG, MAX_NAME_BYTES, OPTION, REPLY } from './numbers.ts';
import {
  type ExportInfo,
  exportNameReply,
  infoReplies,
  listEntry,
  metaContextReply,
  optionReply,
  refusal,
} from './option-replies.ts';
import { parseInfoRequest, parseMetaContextRequest } from './option-requests.ts';

/** Result of a negotiation, with which transmission starts. */
export interface Agreement {
  name: string;
  export: NbdExport;
  disk: NbdDisk;
  structured: boolean;
  blockStatus: boolean;
}

/** Next step after an option: another option, the end of the connection, or transmission. */
type OptionOutcome = { next: 'option' } | { next: 'end' } | { next: 'transmission'; agreement: Agreement };

const NEXT: OptionOutcome = { next: 'option' };
const UNKNOWN = 'There is no such version.';

/**
 * Answers the options of one connection until transmission. Uses no socket: `send` takes the
 * replies.
 */
export class Negotiation {
  readonly #exports: NbdExports;
  readonly #noZeroes: boolean;
  readonly #send: (reply: Buffer) => void;
  #structured = false;
  /** Name of the export for which the client has set base:allocation. */
  #metaContextOf: string | undefined;

  constructor(exports: NbdExports, noZeroes: boolean, send: (reply: Buffer) => void) {
    this.#exports = exports;
    this.#noZeroes = noZeroes;
    this.#send = send;
  }

  /** Answers one option. */
  async option(option: number, data: Buffer): Promise<OptionOutcome> {
    switch (option) {
      case OPTION.exportName:
        return this.#exportName(data);
      case OPTION.abort:
        this.#send(optionReply(option, REPLY.ack));
        return { next: 'end' };
      case OPTION.list:
        return this.#list(data);
      case OPTION.startTls:
        this.#send(refusal(option, REPLY.errUnsupported, 'This server does not support TLS. Use its unix socket or a tunnel.'));
        return NEXT;
      case OPTION.info:
      case OPTION.go:
        return this.#infoOrGo(option, data);
      case OPTION.structuredReply:
        return this.#structuredReply(data);
      case OPTION.listMetaContext:
      case OPTION.setMetaContext:
        return this.#metaContext(option, data);
      default:
        this.#send(refusal(option, REPLY.errUnsupported, 'This server does not support this option.'));
        return NEXT;
    }
  }

  /** The option of old clients. It has no error reply, so an error ends the connection. */
  async #exportName(data: Buffer): Promise<OptionOutcome> {
    const name = data.toString('utf8');
    const found = data.length > MAX_NAME_BYTES ? undefined : await this.#exports.find(name);
    if (found === undefined) return { next: 'end' };
    const disk = await found.open();
    this.#send(exportNameReply(infoOf(found, this.#structured), this.#noZeroes));
    return { next: 'transmission', agreement: this.#agreement(name, found, disk) };
  }

  async #list(data: Buffer): Promise<OptionOutcome> {
    if (data.length > 0) return this.#invalid(OPTION.list, 'LIST has no data.');
    for (const { name, description } of await this.#exports.list()) this.#send(listEntry(OPTION.list, name, description));
    this.#send(optionReply(OPTION.list, REPLY.ack));
    return NEXT;
  }

  async #infoOrGo(option: number, data: Buffer): Promise<OptionOutcome> {
    const request = parseInfoRequest(data);
    if (request === undefined) return this.#invalid(option, 'The request for an export is malformed.');
    const found = await this.#exports.find(request.name);
    if (found === undefined) {
      this.#send(refusal(option, REPLY.errUnknown, UNKNOWN));
      return NEXT;
    }
    let disk: NbdDisk | undefined;
    try {
      disk = option === OPTION.go ? await found.open() : undefined;
    } catch (error) {
      this.#send(refusal(option, REPLY.errPolicy, messageOf(error)));
      return NEXT;
    }
    this.#send(infoReplies(option, infoOf(found, this.#structured), request));
    this.#send(optionReply(option, REPLY.ack));
    if (disk === undefined) return NEXT;
    return { next: 'transmission', agreement: this.#agreement(request.name, found, disk) };
  }

  #structuredReply(data: Buffer): OptionOutcome {
    if (data.length > 0) return this.#invalid(OPTION.structuredReply, 'STRUCTURED_REPLY has no data.');
    this.#structured = true;
    this.#send(optionReply(OPTION.structuredReply, REPLY.ack));
    return NEXT;
  }

  async #metaContext(option: number, data: Buffer): Promise<OptionOutcome> {
    const isList = option === OPTION.listMetaContext;
    if (!isList) this.#metaContextOf = undefined;
    const request = parseMetaContextRequest(data);
    if (request === undefined) return this.#invalid(option, 'The request for metadata contexts is malformed.');
    if (!isList && !this.#structured) return this.#invalid(option, 'Metadata contexts need structured replies.');
    if ((await this.#exports.find(request.name)) === undefined) {
      this.#send(refusal(option, REPLY.errUnknown, UNKNOWN));
      return NEXT;
    }
    const wantsAll = isList && (request.queries.length === 0 || request.queries.includes('base:'));
    if (wantsAll || request.queries.includes(BASE_ALLOCATION)) {
      this.#send(metaContextReply(option, isList));
      if (!isList) this.#metaContextOf = request.name;
    }
    this.#send(optionReply(option, REPLY.ack));
    return NEXT;
  }

  #invalid(option: number, why: string): OptionOutcome {
    this.#send(refusal(option, REPLY.errInvalid, why));
    return NEXT;
  }

  #agreement(name: string, found: NbdExport, disk: NbdDisk): Agreement {
    return { name, export: found, disk, structured: this.#structured, blockStatus: this.#metaContextOf === name };
  }
}

function infoOf({ sizeBytes, isReadOnly, description, preferredBytes }: NbdExport, structured: boolean): ExportInfo {
  const writing = isReadOnly ? EXPORT_FLAG.readOnly : EXPORT_FLAG.trim | EXPORT_FLAG.writeZeroes;
  // All connections share the export's image, so each reads what any other has written.
  const always = EXPORT_FLAG.hasFlags | EXPORT_FLAG.flush | EXPORT_FLAG.fua | EXPORT_FLAG.multiConn | EXPORT_FLAG.cache;
  return { sizeBytes, description, preferredBytes, flags: always | writing | (structured ? EXPORT_FLAG.df : 0) };
}
