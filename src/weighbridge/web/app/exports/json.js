// The JSON that the command line prints, from the answer's own text: numbers stay as Python wrote them.

/** JSON with two blanks for each level, a value a line, as `--json` prints it. @param {string} text JSON without line breaks */
export function indented(text) {
  const out = [];
  let depth = 0;
  const line = () => `\n${'  '.repeat(depth)}`;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === '"') {
      const end = closing(text, at);
      out.push(text.slice(at, end + 1));
      at = end;
    } else if (letter === '{' || letter === '[') {
      const empty = text[at + 1] === '}' || text[at + 1] === ']';
      if (!empty) depth += 1;
      out.push(empty ? letter + text[at + 1] : letter + line());
      if (empty) at += 1;
    } else if (letter === '}' || letter === ']') {
      depth -= 1;
      out.push(line() + letter);
    } else if (letter === ',') out.push(letter + line());
    else if (letter === ':') out.push(': ');
    else if (letter !== ' ') out.push(letter);
  }
  return `${out.join('')}\n`;
}

/** Where a text in quotes ends. @param {string} text @param {number} from */
function closing(text, from) {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
