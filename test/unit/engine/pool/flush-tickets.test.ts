import { beforeEach, describe, expect, it } from 'vitest';
import { FlushTickets } from '../../../../src/engine/pool/flush-tickets.ts';

let tickets: FlushTickets;
let ticket: number;
let outcome: string;
beforeEach(() => {
  tickets = new FlushTickets();
  outcome = 'open';
});

/** Opens a flush over `workers` workers; `outcome` is its result. */
function ask(workers: number): void {
  tickets
    .ask(workers, (given) => {
      ticket = given;
    })
    .then(
      () => {
        outcome = 'durable';
      },
      (error: Error) => {
        outcome = error.message;
      },
    );
}

async function now(): Promise<string> {
  await new Promise((resolve) => setImmediate(resolve));
  return outcome;
}

describe('a flush over three workers', () => {
  beforeEach(() => ask(3));

  it('is done when each has answered, not before', async () => {
    for (const worker of [2, 0, 0, 2]) tickets.settle(ticket, worker);
    expect(await now()).toBe('open');
    tickets.settle(ticket, 1);
    expect(await now()).toBe('durable');
    expect(tickets.size).toBe(0);
  });

  it('fails with the first failure, whatever the others answer', async () => {
    tickets.settle(ticket, 0);
    tickets.settle(ticket, 1, new Error('EIO'));
    tickets.settle(ticket, 2);
    expect(await now()).toBe('EIO');
    expect(tickets.size).toBe(0);
  });

  it('fails when a worker ends that has not answered', async () => {
    for (const worker of [0, 1]) tickets.settle(ticket, worker);
    tickets.fail(2);
    expect(await now()).toBe('Block worker 2 ended.');
  });

  it('goes on when a worker ends that has answered', async () => {
    tickets.settle(ticket, 1);
    tickets.fail(1);
    expect(await now()).toBe('open');
    for (const worker of [0, 2]) tickets.settle(ticket, worker);
    expect(await now()).toBe('durable');
  });

  it('fails when it is given up', async () => {
    tickets.abandon(new Error('stalled'));
    expect(await now()).toBe('stalled');
    expect(tickets.size).toBe(0);
  });
});

it('answers are told apart by their tickets', async () => {
  ask(1);
  const first = ticket;
  ask(1);
  tickets.settle(first + 2, 0);
  expect(await now()).toBe('open');
  expect(ticket).not.toBe(first);
});
