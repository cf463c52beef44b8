// When the reader pauses: what nobody looks at, and what is asked beside the answer, waits until then, so that whoever types or
// moves a slider has the processor for the next answer.
import { still } from '../state/store.js';

/** Milliseconds without a change that are a pause: more than lie between two keys of somebody who types. */
const PAUSE = 300;

/** Wait until the reader pauses. */
export async function paused() {
  for (let left = PAUSE - still(); left > 0; left = PAUSE - still()) await new Promise((resolve) => setTimeout(resolve, left));
}
