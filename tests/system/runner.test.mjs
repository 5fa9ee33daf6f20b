// scripts/test-one on test files that end badly in one way each: a runner that overlooks a failure
// makes every other test worthless.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { removeDir, repository, run, tempDir, whenDone } from '../lib/harness.mjs';

const head = "import test from 'node:test';\n";
const pass = "test('good', () => {});\n";
const fail = "test('bad', () => { throw new Error('broken on purpose'); });\n";

async function counts(t, { file = 'made.test.mjs', text, seconds = 20, program }) {
  const dir = tempDir('runner');
  whenDone(t, () => removeDir(dir));
  let target = path.join(dir, file);
  if (program) {
    target = `tests/unit/made/test_made.c`;
    mkdirSync(path.join(dir, 'tests/made'), { recursive: true });
    writeFileSync(path.join(dir, 'tests/made/test_made'), program, { mode: 0o755 });
  } else {
    writeFileSync(target, text);
  }
  const env = { OUT: dir, RESULTS: dir, FILE_SECONDS: String(seconds), NODE_TEST_CONTEXT: '' };
  const result = await run(path.join(repository, 'scripts/test-one'), [target], { env });
  const name = path.join(dir, `${target.replaceAll('/', '_')}.counts`);
  const [passed, failed, skipped] = readFileSync(name, 'utf8').split(' ').map(Number);
  return { passed, failed, skipped, said: result.stdout };
}

const files = {
  'tests that pass': [head + pass + pass, [2, 0, 0]],
  'a test that fails': [head + pass + fail, [1, 1, 0]],
  'a skipped test': [`${head}${pass}test('later', { skip: 'no data' }, () => {});\n`, [1, 0, 1]],
  'subtests, without their parent': [
    `${head}test('all', async (t) => { await t.test('a', () => {}); await t.test('b', () => {}); });\n`,
    [2, 0, 0],
  ],
  'a failed subtest, once': [
    `${head}test('all', async (t) => { await t.test('a', () => {}); await t.test('b', () => { throw new Error('x'); }); });\n`,
    [1, 1, 0],
  ],
  'a parent that fails of itself': [
    `${head}test('all', async (t) => { await t.test('a', () => {}); throw new Error('x'); });\n`,
    [1, 1, 0],
  ],
  'no test at all': ['console.log("nothing");\n', [0, 1, 0]],
  'a file that cannot be read': ['import test from "node:tests";\n', [0, 1, 0]],
  'an end in the middle': [`${head}${pass}test('dies', () => process.kill(process.pid, 'SIGKILL'));\n`, null],
};

for (const [what, [text, expected]] of Object.entries(files)) {
  test(`counts ${what}`, async (t) => {
    const { passed, failed, skipped, said } = await counts(t, { text });
    if (expected) assert.deepEqual([passed, failed, skipped], expected, said);
    else assert.ok(failed > 0, said);
  });
}

test('a file that hangs is stopped and fails', async (t) => {
  const text = `${head}${pass}test('hangs', () => new Promise(() => setInterval(() => {}, 1000)));\n`;
  const { failed, said } = await counts(t, { text, seconds: 2 });
  assert.ok(failed > 0, said);
  assert.match(said, /stopped after 2 seconds/);
});

test('a failure is printed with its reason', async (t) => {
  const { said } = await counts(t, { text: head + fail });
  assert.match(said, /FAILED/);
  assert.match(said, /broken on purpose/);
});

// cmocka's way of writing TAP, and the ways in which such a program ends badly.
const programs = {
  'a program that passes': ['printf "1..2\\nok 1 - a\\nok 2 - b\\n"', [2, 0, 0]],
  'a program with a failure': ['printf "1..2\\nok 1 - a\\nnot ok 2 - b\\n"; exit 1', [1, 1, 0]],
  'a skipped one': ['printf "1..2\\nok 1 - a\\nnot ok 2 # SKIP b\\n"', [1, 0, 1]],
  'a program that dies after its tests': ['printf "1..1\\nok 1 - a\\n"; kill -SEGV $$', [1, 1, 0]],
  'a program that dies before the last': ['printf "1..3\\nok 1 - a\\n"; exit 0', [1, 1, 0]],
  'a program that leaks': ['printf "1..1\\nok 1 - a\\n"; exit 99', [1, 1, 0]],
};

for (const [what, [script, expected]] of Object.entries(programs)) {
  test(`counts ${what}`, async (t) => {
    const program = `#!/bin/sh\n${script}\n`;
    const { passed, failed, skipped, said } = await counts(t, { program });
    assert.deepEqual([passed, failed, skipped], expected, said);
  });
}
