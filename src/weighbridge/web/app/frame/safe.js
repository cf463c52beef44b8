// Where a part of the page cannot be drawn, the rest stays, and it is said.
import { Component } from 'preact';
import { html } from '../html.js';
import { t } from '../i18n/language.js';

/** Draws its children; what they throw is said in their place until ``of`` changes. */
export class Safe extends Component {
  /** @param {any} props */
  constructor(props) {
    super(props);
    this.state = { failed: null, of: props.of };
  }

  /** @param {unknown} error */
  static getDerivedStateFromError(error) {
    return { failed: String(error) };
  }

  /** @param {any} props @param {any} state */
  static getDerivedStateFromProps(props, state) {
    return props.of === state.of ? null : { failed: null, of: props.of };
  }

  /** @param {unknown} error */
  componentDidCatch(error) {
    console.error(error); // a defect of the page: whoever looks for it finds it
  }

  render() {
    const { failed } = /** @type {any} */ (this.state);
    if (failed === null) return /** @type {any} */ (this.props).children;
    return html`<div class="told failed" role="alert"><h2>${t('frame.failed')}</h2><p lang="en">${failed}</p><p>${t('frame.failed.hint')}</p></div>`;
  }
}
