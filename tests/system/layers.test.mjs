// scripts/layers on small trees that break one rule each: a rule that finds nothing is no rule.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { removeDir, repository, run, tempDir, whenDone } from '../lib/harness.mjs';

async function layers(t, files) {
  const root = tempDir('layers');
  whenDone(t, () => removeDir(root));
  mkdirSync(path.join(root, 'adserver'));
  cpSync(path.join(repository, 'adserver/rooms.mk'), path.join(root, 'adserver/rooms.mk'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(root, 'adserver', path.dirname(name)), { recursive: true });
    writeFileSync(path.join(root, 'adserver', name), text);
  }
  return run(path.join(repository, 'scripts/layers'), [root]);
}

test('includes that the table allows pass', async (t) => {
  const result = await layers(t, {
    'base/slice.c': '#include "base/slice.h"\n#include <stdio.h>\n',
    'http/h1.c': '#include "net/loop.h"\n#include <llhttp.h>\n#include <event2/bufferevent.h>\n',
    'store/redis.c': '#include "net/loop.h"\n#include <hiredis/async.h>\n',
    'serve/page.c': '#include "store/ledger.h"\n#include "decision/model.h"\n',
    'main.c': '#include "serve/page.h"\n#include <event2/event.h>\n',
    'web/tag.js': '#include "nothing/at_all.h"\n',
  });
  assert.equal(result.stdout, '');
  assert.equal(result.code, 0, result.stderr);
});

const offences = {
  'a room that it may not know': ['base/slice.c', '#include "http/request.h"\n'],
  'a room above': ['decision/model.c', '#include "store/ledger.h"\n'],
  'the tool from the server': ['serve/page.c', '#include "ctl/slot.h"\n'],
  'an indented include': ['base/slice.c', '#  include  "net/loop.h"\n'],
  'a header without its room': ['base/slice.c', '#include "slice.h"\n'],
  'a way around by dots': ['base/slice.c', '#include "../http/request.h"\n'],
  'net outside of h1 and h2': ['http/router.c', '#include "net/loop.h"\n'],
  'more of net than the loop in store': ['store/ledger.c', '#include "net/listener.h"\n'],
  'hiredis outside of store/redis': ['store/ledger.h', '#include <hiredis/hiredis.h>\n'],
  'llhttp outside of http/h1': ['http/request.c', '#include <llhttp.h>\n'],
  'libevent in serve': ['serve/page.c', '#include <event2/event.h>\n'],
  'a clock in decision': ['decision/caps.c', 'int64_t now = time(NULL);\n'],
  'a room that is not in the table': ['extra/thing.c', '#include "base/slice.h"\n'],
};

for (const [what, [file, text]] of Object.entries(offences)) {
  test(`refused: ${what}`, async (t) => {
    const result = await layers(t, { [file]: text });
    assert.notEqual(result.code, 0);
    assert.match(result.stdout + result.stderr, file.startsWith('extra') ? /extra/ : new RegExp(`${file}:1: `));
  });
}
