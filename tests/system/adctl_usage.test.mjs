// How adctl is called: exit codes, help, configuration; what it leaves in the audit; signing keys.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {
  adctl,
  binaries,
  importCatalog,
  removeDir,
  run,
  smallCatalog,
  startRedis,
  tempDir,
  whenDone,
} from '../lib/harness.mjs';

function folder(t) {
  const dir = tempDir('adctl');
  whenDone(t, () => removeDir(dir));
  return dir;
}

test('wrong usage ends with 2 and says what is allowed', async () => {
  const wrong = [
    [[], /the command is missing/],
    [['invoice'], /^adctl: invoice: there is no such command; allowed: slot campaign creative import/],
    [['upload', 'x.png'], /no such command/],
    [['slot'], /^adctl: slot: what to do is missing; allowed: slot list show/],
    [['slot', 'bogus'], /^adctl: slot bogus: there is no such command/],
    [['import'], /something is missing; allowed: import FILE \[--dry-run\]/],
    [['import', 'a', 'b'], /too many arguments/],
    [['export', '--json'], /--json is not for this command; allowed: export/],
    [['campaign', 'set', 'spring'], /something is missing/],
    [['--bogus'], /unrecognized option/],
    [['-c'], /requires an argument/],
    [['-c', '/nowhere.conf', 'validate'], /^adctl: \/nowhere\.conf: cannot be read/],
    [['-o', 'server.bogus=1', 'validate'], /^adctl: -o server\.bogus: /],
    [['--redis', 'http://x/', 'validate'], /^adctl: -o redis\.url: /],
    [['-o', 'redis.prefix=a b', 'validate'], /^adctl: -o redis\.prefix: "a b" is no prefix; allowed: /],
  ];
  for (const [args, pattern] of wrong) {
    const result = await adctl(args);
    assert.equal(result.code, 2, `${args.join(' ')}: ${result.stderr}`);
    assert.match(result.stderr, pattern);
    assert.equal(result.stdout, '');
  }
});

test('field=value that is none', async (t) => {
  const redis = await startRedis({ t });
  for (const [fields, pattern] of [
    [['weight'], /^adctl: weight: a value is missing; allowed: field=value/],
    [['weight=1', 'weight=2'], /^adctl: weight: the field is given twice; allowed: once/],
  ]) {
    const result = await adctl(['campaign', 'set', 'a', ...fields], { redis });
    assert.equal(result.code, 2);
    assert.match(result.stderr, pattern);
  }
});

test('help and version', async () => {
  const version = await adctl(['-V']);
  assert.match(version.stdout, /^adctl \S+\n$/);
  const help = await adctl(['-h']);
  assert.equal(help.code, 0);
  for (const line of ['import FILE [--dry-run]', 'keys rotate', 'campaign delete ID... [--dry-run] [--with-creatives]'])
    assert.ok(help.stdout.includes(`\n  ${line}\n`), line);
  const set = await adctl(['campaign', 'set', '-h']);
  assert.match(set.stdout, /^usage: adctl slot\|campaign\|creative set ID field=value\.\.\. \[--dry-run\]\n/);
  assert.match(set.stdout, /\n {2}weight +a whole number from 1 to 1000000; default: 1\n/);
  assert.match(set.stdout, /\n {2}exclusions .*\n/);
  for (const result of [version, help, set]) assert.equal(result.stderr, '');
});

test('configuration: file, environment, options before and behind the command', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const file = path.join(folder(t), 'adserver.conf');
  writeFileSync(file, `[redis]\nurl = ${redis.url}\n[server]\npublic_url = https://file.example\n`);
  const snippet = async (args, env) => {
    const result = await adctl(args, { env });
    assert.equal(result.code, 0, result.stderr);
    return /src="([^"]*)\/tag.js"/.exec(result.stdout)[1];
  };
  assert.equal(await snippet(['-c', file, 'snippet', 'header']), 'https://file.example');
  assert.equal(await snippet(['snippet', 'header', '-c', file]), 'https://file.example');
  assert.equal(await snippet(['-c', file, 'snippet', 'header'], { ADSERVER_SERVER_PUBLIC_URL: 'https://env.example' }), 'https://env.example');
  assert.equal(await snippet(['snippet', '-o', 'server.public_url=https://o.example', 'header', '--redis', redis.url]), 'https://o.example');
});

test('output that cannot be written is a failure', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const result = await run('/bin/sh', ['-c', `"${binaries}/adctl" --redis ${redis.url} export > /dev/full`]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^adctl: standard output: cannot be written/);
});

test('the audit says who changed what', async (t) => {
  const redis = await startRedis({ t });
  await redis.command('ACL', 'SETUSER', 'manager', 'on', '>hush', '~*', '+@all');
  redis.url = redis.url.replace('redis://', 'redis://manager:hush@');
  const good = async (...args) => {
    const result = await adctl(args, { redis });
    assert.equal(result.code, 0, result.stderr);
  };
  const lines = async () =>
    (await redis.command('XRANGE', 'ad:audit', '-', '+')).map(([, flat]) =>
      Object.fromEntries(flat.flatMap((name, i) => (i % 2 ? [] : [[name, flat[i + 1]]]))),
    );
  await good('slot', 'create', 'header', 'name=A\u202e"\\');
  await good('slot', 'set', 'header', 'name=B', 'sizes=1x1');
  await good('slot', 'set', 'header', 'name=B');
  await good('slot', 'pause', 'header', '--dry-run');
  await good('slot', 'delete', 'header', '--force');
  const found = await lines();
  assert.deepEqual(
    found.map(({ command }) => command),
    ['slot create header name=A\u202e"\\', 'slot set header name=B sizes=1x1', 'slot delete header --force'],
    'commands that changed nothing leave nothing, and no address with its password is kept',
  );
  for (const line of found) {
    assert.match(line.who, /^\S+$/);
    assert.equal(line.host, os.hostname());
  }
  assert.deepEqual(found.map(({ changes }) => JSON.parse(changes)), [
    [{ entry: 'slot header', before: null, after: { name: 'A\u202e"\\' } }],
    [{ entry: 'slot header', before: { name: 'A\u202e"\\' }, after: { name: 'B', sizes: '1x1' } }],
    [{ entry: 'slot header', before: { name: 'B', sizes: '1x1' }, after: null }],
  ]);
});

test('what is typed into the audit is bounded', async (t) => {
  const redis = await startRedis({ t });
  const html = `<p>${'x'.repeat(60000)}</p>`;
  const result = await adctl(['creative', 'create', 'c', 'campaign=a', 'type=html', 'size=1x1', `html=${html}`], { redis });
  assert.equal(result.code, 0, result.stderr);
  const [[, line]] = await redis.command('XRANGE', 'ad:audit', '-', '+');
  assert.equal(line[line.indexOf('command') + 1].length, 1024);
  assert.ok(line[line.indexOf('changes') + 1].length < 2000);
  assert.match(line[line.indexOf('changes') + 1], /… \(60007 bytes\)/);
});

test('keys rotate', async (t) => {
  const dir = folder(t);
  const ring = path.join(dir, 'keyring');
  const secret = 'A'.repeat(43);
  const rotate = (...options) => adctl([...options.flatMap((option) => ['-o', option]), 'keys', 'rotate']);
  const state = `server.state_dir=${dir}`;

  const none = await rotate(state);
  assert.equal(none.code, 1);
  assert.match(none.stderr, new RegExp(`^adctl: ${ring}: cannot be opened: No such file`));
  assert.ok(!existsSync(ring), 'a ring in the wrong place would help nobody');

  writeFileSync(ring, `00000001 1000000000 ${secret}\n`, { mode: 0o600 });
  const first = await rotate(state);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /: key [0-9a-f]{8} signs from now on; the one before it is good for 24 h more, for click ids 744 h\n$/);
  assert.equal(statSync(ring).mode & 0o777, 0o600);
  const keys = () => readFileSync(ring, 'utf8').split('\n').filter((line) => /^[0-9a-f]{8} \d+ [\w-]{43}$/.test(line));
  assert.equal(keys().length, 2);
  assert.equal(keys()[0], `00000001 1000000000 ${secret}`);
  assert.ok(!(first.stdout + first.stderr).includes(keys()[1].split(' ')[2]), 'secrets are not printed');

  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602]) {
    chmodSync(ring, mode);
    const open = await rotate(state);
    assert.equal(open.code, 1);
    assert.match(open.stderr, /others may read or write it, allowed is 0600 or 0400/);
  }
  assert.equal(keys().length, 2);

  const other = path.join(dir, 'sub', 'ring');
  mkdirSync(path.dirname(other));
  writeFileSync(other, `00000001 1000000000 ${secret}\n`, { mode: 0o600 });
  assert.equal((await rotate(state, `tokens.keyring=${other}`)).code, 0, 'tokens.keyring wins');
  assert.equal(readFileSync(other, 'utf8').match(/^[0-9a-f]{8} /gm).length, 2);
});

test('rotations at once lose no key', async (t) => {
  const dir = folder(t);
  const ring = path.join(dir, 'keyring');
  writeFileSync(ring, `00000001 1000000000 ${'A'.repeat(43)}\n`, { mode: 0o600 });
  const results = await Promise.all(
    Array.from({ length: 10 }, () => adctl(['-o', `server.state_dir=${dir}`, 'keys', 'rotate'])),
  );
  for (const result of results) assert.equal(result.code, 0, result.stderr);
  assert.equal(readFileSync(ring, 'utf8').match(/^[0-9a-f]{8} /gm).length, 11);
});
