// A step as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing load: Trace Event Format, phases X, C and M.

/** Microseconds of a second; a unit is shown as a millisecond. */
const EACH = { seconds: 1e6, units: 1e3 };

/** @param {any} timeline */
export function traced({ unit, stages, memory }) {
  const each = unit === 'seconds' ? EACH.seconds : EACH.units;
  const slice = (/** @type {any} */ one, /** @type {number} */ pid, /** @type {number} */ tid) => ({
    name: one.micro_batch === null ? one.doing : `${one.doing} ${one.micro_batch}`, cat: one.doing, ph: 'X', ts: one.start * each, dur: (one.end - one.start) * each, pid, tid,
  });
  const events = stages.flatMap((/** @type {any} */ { pipeline_stage: pid, passes, messages }) => [
    { name: 'process_name', ph: 'M', pid, tid: 0, args: { name: `stage ${pid}` } },
    ...passes.map((/** @type {any} */ one) => slice(one, pid, 0)),
    ...messages.map((/** @type {any} */ one) => slice(one, pid, 1)),
  ]);
  const counted = memory ? memory.times.map((/** @type {number} */ time, /** @type {number} */ place) => ({
    name: 'memory', ph: 'C', pid: memory.pipeline_stage, tid: 0, ts: time * each,
    args: Object.fromEntries(Object.entries(memory.bytes).map(([key, bytes]) => [key, bytes[place]])),
  })) : [];
  return { traceEvents: [...events, ...counted], displayTimeUnit: 'ms' };
}
