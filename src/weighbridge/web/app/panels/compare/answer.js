// Side by side: kept plans first, then deployments where clusters were chosen, then models.
import { html } from '../../html.js';
import { useAnswer } from '../../engine/engine.js';
import { Notes } from '../../frame/notes.js';
import { pinned } from '../shared/pin.js';
import { Wrong } from '../shared/wrong.js';
import { Deployments } from './deployments.js';
import { Models } from './models.js';
import { Plans } from './plans.js';

/** @param {{answer: any, question: any, values: Record<string, string>}} props */
export function CompareAnswer({ answer, question, values }) {
  const plans = pinned(values);
  return html`${plans.length > 0 && html`<${Plans} plans=${plans} />`}
    ${answer.deployments ? html`<${Deployments} answer=${answer} question=${question} /><${Beside} question=${question} />` : html`<${Models} answer=${answer} question=${question} /><${Notes} notes=${answer.notes} />`}`;
}

/** The models that are deployed, by themselves. @param {{question: any}} props */
function Beside({ question }) {
  const alone = { ...question, options: {} };
  const told = useAnswer('compare-models', alone);
  const { answer, pending } = told;
  if (told.problems.length) return html`<${Wrong} told=${told} />`;
  return answer && html`<div class=${pending ? 'stale' : ''}><${Models} answer=${answer} question=${alone} explained=${false} /><${Notes} notes=${answer.notes} /></div>`;
}
