import { OPTION, REPLY } from './numbers.ts';
import { optionReply, refusal } from './option-replies.ts';

/** The answer to an option. With `starts`, TLS begins after it. */
export type GateAnswer = { reply: Buffer; starts: boolean } | 'end';

/** Answers STARTTLS, and all other options before it if TLS is required. */
export class TlsGate {
  readonly #isRequired: boolean;
  #isSecure = false;

  constructor(isRequired: boolean) {
    this.#isRequired = isRequired;
  }

  /** Undefined: the option is to be answered as usual. */
  answer(option: number, data: Buffer): GateAnswer | undefined {
    if (option === OPTION.startTls) return this.#startTls(data);
    if (!this.#isRequired || this.#isSecure || option === OPTION.abort) return undefined;
    // It has no error reply.
    if (option === OPTION.exportName) return 'end';
    const why = 'This server needs TLS. Connect with nbds:// or nbds+unix://.';
    return { reply: refusal(option, REPLY.errTlsRequired, why), starts: false };
  }

  #startTls(data: Buffer): GateAnswer {
    const refuse = (type: number, why: string) => ({ reply: refusal(OPTION.startTls, type, why), starts: false });
    if (!this.#isRequired)
      return refuse(REPLY.errUnsupported, 'This server was started without TLS. Use its unix socket or a tunnel.');
    if (data.length > 0) return refuse(REPLY.errInvalid, 'STARTTLS has no data.');
    if (this.#isSecure) return refuse(REPLY.errInvalid, 'TLS is in use already.');
    this.#isSecure = true;
    return { reply: optionReply(OPTION.startTls, REPLY.ack), starts: true };
  }
}
