/**
 * Stops the clock of this thread: it always shows `nowMs`, in milliseconds since 1970.
 * @param {number} nowMs
 * @returns {() => void} lets it run again.
 */
export function stopClock(nowMs) {
  const RealDate = globalThis.Date;
  const { now } = RealDate;
  RealDate.now = () => nowMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [nowMs] : args, newTarget),
    apply: () => new RealDate(nowMs).toString(),
  });
  return () => {
    RealDate.now = now;
    globalThis.Date = RealDate;
  };
}
