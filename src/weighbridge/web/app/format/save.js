// Give the reader a file.

/** @param {string} name @param {string} type @param {string | Uint8Array<ArrayBuffer>} content */
export function save(name, type, content) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Rows as CSV, which spreadsheets in any language read. @param {(string | number | bigint)[][]} rows */
export function csv(rows) {
  const cell = (/** @type {string | number | bigint} */ value) => {
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}
