// A place to drop a model's file: config.json, params.json, weights.
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Problem } from '../controls/problem.js';
import { t } from '../i18n/language.js';
import { change } from '../state/store.js';
import { cleared } from './model.js';
import { readModel } from './read.js';

/** @param {{values: import('../state/address.js').Values}} props */
export function Drop({ values }) {
  const [wrong, tell] = useState('');
  const take = async (/** @type {File[]} */ files) => {
    tell('');
    try {
      change({ ...cleared(values), ...(await readModel(files)) }, { step: true });
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
  };
  const over = useDrop(take);
  return html`<div class="drop ${over ? 'over' : ''}">
    <label for="model-file">${t('model.drop')}</label>
    <input id="model-file" type="file" multiple onChange=${(/** @type {any} */ e) => take([...e.currentTarget.files])} />
    ${wrong && html`<${Problem} text=${wrong} />`}
  </div>`;
}

/** Files may be dropped anywhere on the page. @param {(files: File[]) => void} take */
function useDrop(take) {
  const [over, hover] = useState(false);
  useEffect(() => {
    const moved = (/** @type {DragEvent} */ event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      hover(event.type === 'dragover');
      if (event.type === 'drop') take([...event.dataTransfer.files]);
    };
    const kinds = /** @type {const} */ (['dragover', 'dragleave', 'drop']);
    for (const kind of kinds) window.addEventListener(kind, moved);
    return () => kinds.forEach((kind) => window.removeEventListener(kind, moved));
  });
  return over;
}
