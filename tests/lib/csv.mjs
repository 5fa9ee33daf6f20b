// CSV, read as the grammar of RFC 4180 says: objects by the names of the first row.
import assert from 'node:assert/strict';

export function readCsv(text) {
  const rows = [[]];
  let at = 0;
  while (at < text.length) {
    let cell = '';
    if (text[at] === '"') {
      for (at++; ; at++) {
        assert.ok(at < text.length, 'a quoted cell ends');
        if (text[at] !== '"') cell += text[at];
        else if (text[at + 1] === '"') cell += text[at++];
        else break;
      }
      at++;
    } else while (at < text.length && !',\r'.includes(text[at])) cell += text[at++];
    rows.at(-1).push(cell);
    if (text[at] === ',') at++;
    else {
      assert.equal(text.slice(at, at + 2), '\r\n', `a line ends with CRLF at ${at}`);
      at += 2;
      if (at < text.length) rows.push([]);
    }
  }
  const [head, ...rest] = rows;
  return rest.map((row) => {
    assert.equal(row.length, head.length);
    return Object.fromEntries(head.map((name, i) => [name, row[i]]));
  });
}
