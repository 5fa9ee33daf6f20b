// adctl events: lines and files of what the streams hold, each event once, whatever kills the writer.
//
//   EVENT_KILLS=100   how often the hardest of these kills it
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { adctl, binaries, Child, delay, importCatalog, removeDir, smallCatalog, startRedis, startServer, tempDir, until, whenDone } from '../lib/harness.mjs';
import { countsInRedis, inParallel, keptAlive, patient, report, stream } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';
import { readCsv } from '../lib/csv.mjs';
import { countsOfRows, entriesOf, eventsOnly, filesOf, parseLines } from '../lib/events.mjs';

const kills = Number(process.env.EVENT_KILLS ?? 12);
const on = { 'events.stream': 'on', ...patient };

function folder(t) {
  const dir = tempDir('events');
  whenDone(t, () => removeDir(dir));
  return path.join(dir, 'out');
}

// An entry as servers add them, for what needs no server.
function add(redis, campaign, n, { id = '*' } = {}) {
  const impression = Buffer.alloc(16, n).toString('base64url');
  return redis.command(
    'XADD', `ad:events:{${campaign}}`, id, 'event', 'impression', 'result', 'counted', 'implied', '0',
    'creative', 'a.b-c_1', 'slot', 'header', 'impression', impression, 'served_ms', '1', 'at_ms', String(n), 'price_micro', '0',
  );
}

async function addSome(redis, campaign, from, to, ms) {
  await redis.command('SADD', 'ad:streams', campaign);
  for (let n = from; n <= to; n++) await add(redis, campaign, n, { id: ms ? `${ms + n}-0` : '*' });
}

const args = (dir, ...more) => ['events', '--out', dir, ...more];
const rowsOf = (dir, campaign) => filesOf(dir, campaign).flatMap(({ text }) => parseLines(text));
const times = (rows) => rows.map(({ at_ms: at }) => Number(at));
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

function follow(t, redis, dir, ...more) {
  const child = new Child(path.join(binaries, 'adctl'), ['--redis', redis.url, ...args(dir, '--follow', ...more)]);
  whenDone(t, () => child.end('SIGKILL'));
  return child;
}

// What a crash can leave of the newest file: a last line of which a part is missing.
function tear(dir, draw) {
  for (const campaign of readdirSync(dir).filter((name) => name !== 'lock')) {
    const newest = filesOf(dir, campaign).at(-1);
    if (!newest || draw(2) === 0) continue;
    truncateSync(path.join(dir, campaign, newest.name), Math.max(0, newest.text.length - draw(600)));
  }
}

test('killed at random points, and its last lines torn: each event is there once', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...on, 'server.workers': 2 } });
  const dir = folder(t);
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  const agent = keptAlive(t, 8);
  const places = [
    { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' },
    { campaign: 'books', creative: 'books-728', slot: 'post-top', landing: 'https://shop.example/' },
  ];
  const load = stream(8, async (lane, turn) => {
    const token = signToken(key, places[(lane + turn) % 2]);
    for (const kind of ['i', 'i', 'c']) await report(`${server.base}/v1/${kind}/${token}`, { agent });
    await delay(2);
  });
  let state = 7;
  const draw = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  for (let i = 0; i < kills; i++) {
    const writer = follow(t, redis, dir, '--file-bytes', '16384');
    await until(() => existsSync(path.join(dir, 'lock')), { what: 'it has begun' });
    await delay(30 + draw(400));
    assert.ok(writer.running, writer.output());
    process.kill(-writer.pid, 'SIGKILL');
    await writer.exited;
    tear(dir, draw);
  }
  const { errors } = await load.stop();
  assert.deepEqual(errors, []);
  const last = await adctl(args(dir, '--file-bytes', '16384'), { redis });
  assert.deepEqual([last.code, last.stderr], [0, '']);
  for (const campaign of ['spring', 'books']) {
    const files = filesOf(dir, campaign);
    const rows = rowsOf(dir, campaign);
    const entries = await entriesOf(redis, campaign);
    assert.ok(rows.length > 100 && files.length > 2, `${rows.length} events in ${files.length} files`);
    assert.deepEqual(rows.map(({ id }) => id), entries.map(({ id }) => id));
    assert.deepEqual(rows.map(({ number }) => number), range(1, rows.length));
    assert.deepEqual(countsOfRows(rows).total, eventsOnly((await countsInRedis(redis, campaign)).total));
    for (const { name, text } of files) assert.ok(text.length > 0 && text.length <= 16384, `${name}: ${text.length}`);
  }
});

test('files rotate by hour and by size, in both formats, and closed ones never change', async (t) => {
  const redis = await startRedis({ t });
  const noon = Date.parse('2026-11-28T12:00:00Z');
  const dirs = { ndjson: folder(t), csv: folder(t) };
  const closed = {};
  const runAll = async () => {
    for (const [format, dir] of Object.entries(dirs)) {
      const { code, stderr } = await adctl(args(dir, '--format', format, '--file-bytes', '4096'), { redis });
      assert.deepEqual([code, stderr], [0, '']);
    }
  };
  for (const [from, to, hours] of [[1, 20, 0], [21, 25, 1], [26, 100, 1], [101, 102, 5]]) {
    await addSome(redis, 'spring', from, to, noon + hours * 3600000);
    await runAll();
    for (const [format, dir] of Object.entries(dirs)) {
      const files = filesOf(dir, 'spring');
      for (const { name, text } of files.slice(0, -1)) assert.equal((closed[format + name] ??= text), text, name);
      for (const { text } of files) assert.ok(text.length <= 4096);
    }
  }
  for (const [format, dir] of Object.entries(dirs)) {
    const files = filesOf(dir, 'spring');
    const parse = format === 'csv' ? readCsv : parseLines;
    const rows = files.flatMap(({ name, text }) => parse(text).map((row) => ({ ...row, name })));
    assert.deepEqual(times(rows), range(1, 102));
    for (const { name, id } of rows)
      assert.equal(name.slice(9, 19), new Date(Number(id.split('-')[0])).toISOString().replace(/[-T]/g, '').slice(0, 10));
    assert.deepEqual(files.map(({ name }) => name.slice(0, 9)), files.map((_, i) => `${String(i + 1).padStart(8, '0')}-`));
    assert.ok(files.length >= 4, `${files.length} files`);
    assert.match(files[0].name, new RegExp(`^00000001-2026112812\\.${format}$`));
  }
});

test('what had gone before it was read is told, with how many, and once', async (t) => {
  const redis = await startRedis({ t });
  const dir = folder(t);
  await addSome(redis, 'spring', 1, 20);
  assert.equal((await adctl(args(dir), { redis })).code, 0);
  await addSome(redis, 'spring', 21, 50);
  await redis.command('XTRIM', 'ad:events:{spring}', 'MAXLEN', '10');
  const told = await adctl(args(dir), { redis });
  assert.equal(told.code, 1);
  assert.match(told.stderr, /ad:events:\{spring\}: events had gone before they were read: 20, numbers 21 to 40; /);
  assert.deepEqual(rowsOf(dir, 'spring').map(({ number }) => number), [...range(1, 20), ...range(41, 50)]);
  assert.deepEqual(await adctl(args(dir), { redis }), { code: 0, signal: null, stdout: '', stderr: '' });

  await addSome(redis, 'spring', 51, 55);
  await redis.command('XTRIM', 'ad:events:{spring}', 'MAXLEN', '0');
  assert.match((await adctl(args(dir), { redis })).stderr, /read: 5, numbers 51 to 55/);

  await redis.command('DEL', 'ad:events:{spring}');
  await addSome(redis, 'spring', 61, 63);
  const anew = await adctl(args(dir), { redis });
  assert.equal(anew.code, 1);
  assert.match(anew.stderr, /the stream began anew/);
  assert.deepEqual(times(rowsOf(dir, 'spring')).slice(-3), [61, 62, 63]);
  assert.equal((await adctl(args(dir), { redis })).code, 0);

  // A Redis that lost its last writes: what is left of the stream is not read again.
  const left = (await entriesOf(redis, 'spring')).slice(0, 2);
  await redis.command('DEL', 'ad:events:{spring}');
  for (const { id, at_ms: at } of left) await add(redis, 'spring', Number(at), { id });
  assert.match((await adctl(args(dir), { redis })).stderr, /the stream ends before what has been read of it/);
  await addSome(redis, 'spring', 71, 73);
  assert.equal((await adctl(args(dir), { redis })).code, 0);
  assert.deepEqual(times(rowsOf(dir, 'spring')).slice(-6), [61, 62, 63, 71, 72, 73]);
});

test('--follow outlives a restart of Redis, finds new campaigns, and ends when it is told to', async (t) => {
  const redis = await startRedis({ t, conf: { appendonly: 'yes', appendfsync: 'always' } });
  const dir = folder(t);
  await addSome(redis, 'spring', 1, 3);
  const writer = follow(t, redis, dir);
  const has = (campaign, n) =>
    until(() => rowsOf(dir, campaign).length === n, { timeout: 15000, what: `${n} events of ${campaign}` });
  await has('spring', 3);
  const second = await adctl(args(dir), { redis });
  assert.equal(second.code, 1);
  assert.match(second.stderr, /another adctl writes there; allowed: one/);
  await redis.restart('SIGKILL');
  await addSome(redis, 'spring', 4, 6);
  await addSome(redis, 'books', 1, 2);
  await has('spring', 6);
  await has('books', 2);
  const { code } = await writer.end('SIGTERM');
  assert.equal(code, 0, writer.output());
  assert.match(writer.output(), /adctl: Redis at /);
});

test('lines: from a moment or an id, of some campaigns, as CSV or NDJSON', async (t) => {
  const redis = await startRedis({ t });
  const began = Date.parse('2026-11-28T12:00:00Z');
  await addSome(redis, 'spring', 1, 9, began);
  await addSome(redis, 'books', 1, 4, began);
  const lines = async (...more) => parseLines((await adctl(['events', ...more], { redis })).stdout);
  assert.equal((await lines()).length, 13);
  assert.deepEqual(times(await lines('--campaign', 'books')), [1, 2, 3, 4]);
  assert.deepEqual(times(await lines('--campaign', 'spring', '--from', '2026-11-28T12:00:00.007Z')), [7, 8, 9]);
  const later = await lines('--campaign', 'spring', '--from', `${began + 8}-0`);
  assert.deepEqual(later.map(({ number, at_ms: at }) => [number, at]), [[8, 8], [9, 9]]);
  const csv = readCsv((await adctl(['events', '--format', 'csv', '--campaign', 'books'], { redis })).stdout);
  assert.deepEqual(csv[0], {
    id: `${began + 1}-0`, number: '1', campaign: 'books', event: 'impression', result: 'counted', implied: '0',
    creative: 'a.b-c_1', slot: 'header', impression: Buffer.alloc(16, 1).toString('base64url'), served_ms: '1', at_ms: '1', price_micro: '0',
  });
  for (const [bad, pattern] of [
    [['--format', 'xml'], /--format: "xml"; allowed: ndjson, csv/],
    [['--from', 'yesterday'], /--from: .*allowed: an entry's id, or RFC 3339/],
    [['--file-bytes', '1'], /--file-bytes: "1"; allowed: 4096 to /],
  ]) {
    const { code, stderr } = await adctl(['events', ...bad], { redis });
    assert.equal(code, 2, stderr);
    assert.match(stderr, pattern);
  }
  const named = await adctl(['events', '--campaign', '../etc'], { redis });
  assert.equal(named.code, 1);
  assert.match(named.stderr, /--campaign: "\.\.\/etc" is no id; allowed: /);
});

test('what hands have spoiled is told and left out, in Redis and on the disk', async (t) => {
  const redis = await startRedis({ t });
  const dir = folder(t);
  await redis.command('SADD', 'ad:streams', '../../outside', 'Spring', '');
  await redis.command('SET', 'ad:events:{books}', 'no stream');
  await redis.command('SADD', 'ad:streams', 'books');
  await addSome(redis, 'spring', 1, 2);
  await redis.command('XADD', 'ad:events:{spring}', '*', 'event', 'impression', 'result', '"},\n{');
  await addSome(redis, 'spring', 4, 5);
  const { code, stderr } = await adctl(args(dir), { redis });
  assert.equal(code, 1);
  assert.match(stderr, /ad:events:\{books\}: it is no stream of events; allowed: /);
  assert.match(stderr, /ad:events:\{spring\}: entries that are no event are left out: 1, the first is \d+-\d+/);
  assert.deepEqual(rowsOf(dir, 'spring').map(({ number, at_ms: at }) => [number, at]), [[1, 1], [2, 2], [4, 4], [5, 5]]);
  assert.deepEqual(readdirSync(dir).sort(), ['lock', 'spring']);
  await redis.command('DEL', 'ad:events:{books}');

  const [{ name }] = filesOf(dir, 'spring');
  const file = path.join(dir, 'spring', name);
  const whole = readFileSync(file, 'utf8');
  appendFileSync(file, 'a line of somebody else\n');
  const damaged = await adctl(args(dir), { redis });
  assert.equal(damaged.code, 1);
  assert.match(damaged.stderr, /its last line is no event; allowed: what adctl events wrote there/);
  assert.equal(readFileSync(file, 'utf8'), `${whole}a line of somebody else\n`, 'it was left alone');
  writeFileSync(file, whole);
  const other = await adctl(args(dir, '--format', 'csv'), { redis });
  assert.equal(other.code, 1);
  assert.match(other.stderr, /is there already; allowed: --format ndjson, or another directory/);

  // A file that was made and not written into, as a crash between the two leaves it.
  writeFileSync(path.join(dir, 'spring', name.replace(/^\d+/, '00000002')), '');
  await addSome(redis, 'spring', 6, 6);
  assert.equal((await adctl(args(dir), { redis })).code, 0);
  assert.deepEqual(times(rowsOf(dir, 'spring')), [1, 2, 4, 5, 6]);
});

test('a long stream is read page by page', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: on });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  const agent = keptAlive(t, 32);
  const place = { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' };
  await inParallel(3500, 32, () => report(`${server.base}/v1/i/${signToken(key, place)}`, { agent }));
  const dir = folder(t);
  assert.equal((await adctl(args(dir), { redis })).code, 0);
  assert.deepEqual(rowsOf(dir, 'spring').map(({ number }) => number), range(1, 3500));
});
