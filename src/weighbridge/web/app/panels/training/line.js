// The parallel sizes of a training plan in one line.
import { t } from '../../i18n/language.js';

/** @param {import('../../state/address.js').Values} values */
export function parallelLine(values) {
  const said = ['tp', 'pp', 'vp', 'cp', 'ep', 'etp', 'zero'].filter((name) => values[`train.${name}`]);
  return said.map((name) => `${name.toUpperCase()} ${values[`train.${name}`]}`).join(' · ') || t('train.data.only');
}
