import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';

/** A connection without a byte for too long. */
class StalledConnection extends Error {
  constructor(stallMs: number) {
    super(`no byte moved for ${stallMs / 1000} s`);
    this.name = 'StalledConnection';
  }
}

/**
 * Agents that keep connections alive and open one per request; the engine's gates limit requests.
 * They break a connection on which no byte moves for `stallMs` while it connects, sends, waits or
 * receives. Node counts a large write that goes on slowly as movement. The SDK's own time limits
 * cover a whole request, or end with the answer's headers.
 */
export function makeAgents(stallMs: number): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  const options: AgentOptions = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 1024, timeout: stallMs };
  return { httpAgent: watched(new HttpAgent(options), stallMs), httpsAgent: watched(new HttpsAgent(options), stallMs) };
}

/** At the agent's `timeout`, Node closes idle connections, but only informs a request. */
function watched<A extends HttpAgent>(agent: A, stallMs: number): A {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket: Duplex | null | undefined = connect(options, callback);
    socket?.on('timeout', () => socket.destroy(new StalledConnection(stallMs)));
    return socket;
  };
  return agent;
}
