// The style of a report: the page's own rules, with dark as the reader's system has it, and without fonts of formulas.

const DARK = ':root[data-look="dark"]';

/** Rules that a report adds. */
const OWN = `
body { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1.5rem 4rem; }
.report > h1 { font-size: 1.3rem; }
.report > .of { color: var(--soft); margin-bottom: 1.5rem; overflow-wrap: anywhere; }
.report > section { margin: 2rem 0; break-inside: auto; }
.report > section > h2 { border-bottom: 1px solid var(--line); padding-bottom: .3rem; margin-bottom: .6rem; }
.report .picture svg { display: block; max-width: 100%; height: auto; }
.report .scroll, .report details.data .scroll { max-height: none; overflow-x: auto; }
.report code { overflow-wrap: anywhere; white-space: normal; }
.report .derivation { border-bottom: 1px solid var(--line); }
.report .derivation > summary { cursor: pointer; padding: .4rem 0; font-weight: 550; }
.report .derivation > summary code { color: var(--soft); font-weight: 400; margin-inline-start: .6em; }
.report .derivation > div { padding: 0 0 .9rem .9rem; scroll-margin-top: 3rem; }
.report .derivation > div:target { box-shadow: inset 3px 0 var(--accent); }
.report .step .step { padding-inline-start: 1.2rem; }
.report .step .equation { text-indent: 0; overflow-x: auto; }
.report .step .equation .side { text-indent: 0; }
.report a { color: var(--accent); }
.report a.figure { color: inherit; }
.report .columns, .report .given { all: unset; }
@media print { details::details-content { content-visibility: visible; block-size: auto; } body { max-width: none; padding: 0; } .step, tr { break-inside: avoid; } .report .scroll { overflow: visible; } }
`;

/** @returns {string} */
export function sheet() {
  const rules = [...document.styleSheets].flatMap((one) => [...one.cssRules]).map(written).filter(Boolean);
  return `${rules.join('\n')}\n${OWN}`;
}

/** @param {CSSRule} rule @returns {string} */
function written(rule) {
  if (rule instanceof CSSFontFaceRule) return '';
  if (!(rule instanceof CSSStyleRule)) return rule.cssText;
  if (rule.selectorText.includes('.katex')) return '';
  if (rule.selectorText === DARK) return `@media screen and (prefers-color-scheme: dark) { :root { ${rule.style.cssText} } }`;
  return rule.cssText;
}
