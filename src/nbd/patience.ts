import type { NbdLimits } from './limits.ts';

/** How long to wait for bytes of a client. */
export interface Patience {
  /** Whether the wait begins with the first byte. Until then there is no limit. */
  fromFirstByte: boolean;
  /** Time between two checks. */
  checkMs: number;
  /**
   * @param waitedMs since the wait began.
   * @param quietMs since bytes came last, or since the wait began.
   * @param receivedBytes bytes that have come of those that are waited for.
   */
  isOver(waitedMs: number, quietMs: number, receivedBytes: number): boolean;
  /** Why the client is disconnected then. */
  fault: string;
}

type HandshakeLimits = Pick<NbdLimits, 'handshakeStepMs'>;
type RequestLimits = Pick<NbdLimits, 'pauseMs' | 'contendedPauseMs' | 'minBytesPerSecond'>;

/** For a message of the handshake. */
export function handshakePatience({ handshakeStepMs }: HandshakeLimits): Patience {
  return {
    fromFirstByte: false,
    checkMs: handshakeStepMs,
    isOver: (waitedMs) => waitedMs >= handshakeStepMs,
    fault: `it sent no whole message for ${handshakeStepMs / 1000} s and had not opened an export.`,
  };
}

/** For the fixed part of a request. A client may pause as long as it likes between two requests. */
export function requestPatience({ pauseMs }: RequestLimits): Patience {
  return { fromFirstByte: true, checkMs: pauseMs, isOver: (waitedMs) => waitedMs >= pauseMs, fault: HALF_REQUEST };
}

/**
 * For the data of a write.
 * @param isContended whether another client waits for memory that this one holds.
 */
export function dataPatience(limits: RequestLimits, isContended: () => boolean): Patience {
  const { pauseMs, contendedPauseMs, minBytesPerSecond } = limits;
  return {
    fromFirstByte: false,
    checkMs: Math.min(pauseMs, contendedPauseMs),
    isOver: (waitedMs, quietMs, receivedBytes) => {
      const patienceMs = isContended() ? contendedPauseMs : pauseMs;
      // Not from the length: a client could hold memory longest by sending a long request byte by
      // byte.
      return quietMs >= patienceMs || waitedMs >= patienceMs + (receivedBytes / minBytesPerSecond) * 1000;
    },
    fault: HALF_REQUEST,
  };
}

const HALF_REQUEST = 'it sent half a request, and the rest not in time.';
