import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { NbdDisk, NbdExport, NbdExports } from './disk.ts';
import { ExportLookup } from './export-lookup.ts';
import type { NbdLimits } from './limits.ts';
import { BASE_ALLOCATION, MAX_NAME_BYTES, OPTION, REPLY } from './numbers.ts';
import { OptionBudget } from './option-budget.ts';
import { exportNameReply, infoOf, infoReplies, listPieces, metaContextReply, optionReply, refusal } from './option-replies.ts';
import { parseInfoRequest, parseMetaContextRequest } from './option-requests.ts';
import type { Place } from './places.ts';
import { type GateAnswer, TlsGate } from './tls-gate.ts';

/** Result of a negotiation, with which transmission starts. */
export interface Agreement {
  name: string;
  export: NbdExport;
  disk: NbdDisk;
  structured: boolean;
  blockStatus: boolean;
}

/**
 * Next step after an option: another option, TLS after a last reply without it, the end of the
 * connection, or transmission.
 */
type OptionOutcome =
  | { next: 'option' }
  | { next: 'tls'; reply: Buffer }
  | { next: 'end' }
  | { next: 'transmission'; agreement: Agreement };

/** How a client is answered. */
export interface NegotiationOptions {
  exports: NbdExports;
  noZeroes: boolean;
  /** Sends a reply. Resolves when the client has taken most of it. */
  send(reply: Buffer): Promise<void>;
  place: Pick<Place, 'open' | 'reopen'>;
  limits: Pick<NbdLimits, 'options' | 'optionsPerExport' | 'lists'>;
  /** The client can do nothing before STARTTLS. */
  needsTls: boolean;
}

const NEXT: OptionOutcome = { next: 'option' };
const UNKNOWN = 'There is no such version.';

/**
 * Answers the options of one connection until transmission. Uses no socket: `send` takes the
 * replies.
 */
export class Negotiation {
  readonly #exports: NbdExports;
  readonly #lookup: ExportLookup;
  readonly #noZeroes: boolean;
  readonly #send: (reply: Buffer) => Promise<void>;
  readonly #place: Pick<Place, 'open' | 'reopen'>;
  readonly #budget: OptionBudget;
  readonly #gate: TlsGate;
  #structured = false;
  /** Name of the export for which the client has set base:allocation. */
  #metaContextOf: string | undefined;

  constructor({ exports, noZeroes, send, place, limits, needsTls }: NegotiationOptions) {
    this.#exports = exports;
    this.#lookup = new ExportLookup(exports);
    this.#noZeroes = noZeroes;
    this.#send = send;
    this.#place = place;
    this.#gate = new TlsGate(needsTls);
    this.#budget = new OptionBudget(limits);
  }

  /** Answers one option. Rejects with a ClientFault if the client sends too many. */
  async option(option: number, data: Buffer): Promise<OptionOutcome> {
    this.#budget.spend(option);
    // Without this, a client that sends many options at once stops the server for all others.
    await nextTurn();
    const answer = this.#gate.answer(option, data);
    if (answer !== undefined) return this.#atGate(answer);
    switch (option) {
      case OPTION.exportName:
        return this.#exportName(data);
      case OPTION.abort:
        await this.#send(optionReply(option, REPLY.ack));
        return { next: 'end' };
      case OPTION.list:
        return this.#list(data);
      case OPTION.info:
      case OPTION.go:
        return this.#infoOrGo(option, data);
      case OPTION.structuredReply:
        return this.#structuredReply(data);
      case OPTION.listMetaContext:
      case OPTION.setMetaContext:
        return this.#metaContext(option, data);
      default:
        await this.#send(refusal(option, REPLY.errUnsupported, 'This server does not support this option.'));
        return NEXT;
    }
  }

  async #atGate(answer: GateAnswer): Promise<OptionOutcome> {
    if (answer === 'end') return { next: 'end' };
    if (answer.starts) return { next: 'tls', reply: answer.reply };
    await this.#send(answer.reply);
    return NEXT;
  }

  /** The option of old clients. It has no error reply, so an error ends the connection. */
  async #exportName(data: Buffer): Promise<OptionOutcome> {
    const name = data.toString('utf8');
    const found = data.length > MAX_NAME_BYTES ? undefined : await this.#lookup.findNow(name);
    if (found === undefined) return { next: 'end' };
    const disk = await this.#open(found);
    return this.#transmission(
      this.#agreement(name, found, disk),
      exportNameReply(infoOf(found, this.#structured), this.#noZeroes),
    );
  }

  async #list(data: Buffer): Promise<OptionOutcome> {
    if (data.length > 0) return this.#invalid(OPTION.list, 'LIST has no data.');
    const entries = await this.#exports.list();
    this.#budget.listed(entries.length);
    for (const piece of listPieces(entries)) {
      await this.#send(piece);
      await nextTurn();
    }
    await this.#send(optionReply(OPTION.list, REPLY.ack));
    return NEXT;
  }

  async #infoOrGo(option: number, data: Buffer): Promise<OptionOutcome> {
    const request = parseInfoRequest(data);
    if (request === undefined) return this.#invalid(option, 'The request for an export is malformed.');
    const found = await (option === OPTION.go ? this.#lookup.findNow(request.name) : this.#lookup.find(request.name));
    if (found === undefined) {
      await this.#send(refusal(option, REPLY.errUnknown, UNKNOWN));
      return NEXT;
    }
    let disk: NbdDisk | undefined;
    try {
      disk = option === OPTION.go ? await this.#open(found) : undefined;
    } catch (error) {
      await this.#send(refusal(option, REPLY.errPolicy, messageOf(error)));
      return NEXT;
    }
    const infos = infoReplies(option, infoOf(found, this.#structured), request);
    const reply = Buffer.concat([infos, optionReply(option, REPLY.ack)]);
    if (disk !== undefined) return this.#transmission(this.#agreement(request.name, found, disk), reply);
    await this.#send(reply);
    return NEXT;
  }

  async #structuredReply(data: Buffer): Promise<OptionOutcome> {
    if (data.length > 0) return this.#invalid(OPTION.structuredReply, 'STRUCTURED_REPLY has no data.');
    this.#structured = true;
    await this.#send(optionReply(OPTION.structuredReply, REPLY.ack));
    return NEXT;
  }

  async #metaContext(option: number, data: Buffer): Promise<OptionOutcome> {
    const isList = option === OPTION.listMetaContext;
    if (!isList) this.#metaContextOf = undefined;
    const request = parseMetaContextRequest(data);
    if (request === undefined) return this.#invalid(option, 'The request for metadata contexts is malformed.');
    if (!isList && !this.#structured) return this.#invalid(option, 'Metadata contexts need structured replies.');
    if ((await this.#lookup.find(request.name)) === undefined) {
      await this.#send(refusal(option, REPLY.errUnknown, UNKNOWN));
      return NEXT;
    }
    const wantsAll = isList && (request.queries.length === 0 || request.queries.includes('base:'));
    if (wantsAll || request.queries.includes(BASE_ALLOCATION)) {
      await this.#send(metaContextReply(option, isList));
      if (!isList) this.#metaContextOf = request.name;
    }
    await this.#send(optionReply(option, REPLY.ack));
    return NEXT;
  }

  async #invalid(option: number, why: string): Promise<OptionOutcome> {
    await this.#send(refusal(option, REPLY.errInvalid, why));
    return NEXT;
  }

  async #open(found: NbdExport): Promise<NbdDisk> {
    this.#place.open();
    try {
      return await found.open();
    } catch (error) {
      this.#place.reopen();
      throw error;
    }
  }

  async #transmission(agreement: Agreement, reply: Buffer): Promise<OptionOutcome> {
    try {
      await this.#send(reply);
    } catch (error) {
      await agreement.disk.close(true);
      throw error;
    }
    return { next: 'transmission', agreement };
  }

  #agreement(name: string, found: NbdExport, disk: NbdDisk): Agreement {
    return { name, export: found, disk, structured: this.#structured, blockStatus: this.#metaContextOf === name };
  }
}
