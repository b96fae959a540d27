/**
 * Stops the clock of a program that node loads this into (--import): it is always TEST_CLOCK_MS, in milliseconds since 1970.
 * The program itself knows nothing of it.
 */
const nowMs = Number(process.env.TEST_CLOCK_MS);
const RealDate = Date;
RealDate.now = () => nowMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [nowMs] : args, newTarget),
  apply: () => new RealDate(nowMs).toString(),
});
