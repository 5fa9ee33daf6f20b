// events.stream: an entry for each count, in the same step; what it holds, how long, and who can read it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { adctl, importCatalog, repository, smallCatalog, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';
import { readCsv } from '../lib/csv.mjs';
import { countsOfRows, entriesOf, eventsOnly, pairs, parseLines } from '../lib/events.mjs';

const on = { 'events.stream': 'on' };
const campaigns = ['spring', 'books', 'bound'];
const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };

// One that costs odd amounts, one that costs nothing, one whose goal is soon met.
async function book(redis) {
  const [spring, books] = smallCatalog.campaigns;
  await importCatalog(redis, {
    slots: [...smallCatalog.slots, { id: 'side', sizes: '728x90' }],
    campaigns: [
      { ...spring, cpm: '1.234567', cpc: '0.333333' },
      books,
      { id: 'bound', slots: 'side', pacing: 'asap', goal_impressions: 5, cpm: '2', creatives: [{ id: 'bound-728', ...picture }] },
    ],
  });
}

const places = {
  spring: { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' },
  books: { campaign: 'books', creative: 'books-728', slot: 'post-top', landing: 'https://shop.example/' },
  bound: { campaign: 'bound', creative: 'bound-728', slot: 'side', landing: 'https://shop.example/' },
};

// Reports of all kinds, in some order, twice, by people and others, soon and too late.
async function mixedTraffic(t, servers, count, seed) {
  const key = newestKey(servers[0].options['tokens.keyring']);
  const agent = keptAlive(t, 32);
  let state = seed;
  const draw = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  const plans = Array.from({ length: count }, () => {
    const issued = draw(10) === 0 ? Date.now() - 2 * 86400000 : Date.now();
    const token = signToken(key, { ...places[campaigns[draw(3)]], issued });
    const agents = [browser, browser, browser, browser, 'Googlebot/2.1', ''];
    const kinds = Array.from({ length: 1 + draw(5) }, () => 'ivc'[draw(3)]);
    return { token, kinds, headers: { 'User-Agent': agents[draw(agents.length)] } };
  });
  await inParallel(count, 32, async (i) => {
    const { token, kinds, headers } = plans[i];
    for (const [turn, kind] of kinds.entries()) {
      const server = servers[(i + turn) % servers.length];
      const answer = await report(`${server.base}/v1/${kind}/${token}`, { agent, headers });
      assert.ok([204, 302].includes(answer.status), `${answer.status} ${answer.text}`);
    }
  });
}

// All rows of adctl events, against all counts.
async function assertSame(redis) {
  const { code, stdout, stderr } = await adctl(['events'], { redis });
  assert.equal(code, 0, stderr);
  const rows = parseLines(stdout);
  for (const campaign of campaigns) {
    const own = rows.filter((row) => row.campaign === campaign);
    const { total, fields } = await countsInRedis(redis, campaign);
    const said = countsOfRows(own);
    assert.deepEqual(said.total, eventsOnly(total), campaign);
    assert.deepEqual(said.fields, eventsOnly(fields), campaign);
    assert.equal(said.spend, total.spend ?? 0, `${campaign}: what was paid`);
    assert.deepEqual(own.map(({ number }) => number), own.map((_, i) => i + 1), 'numbers are dense');
  }
  return rows;
}

test('the streams hold exactly what was counted: duplicates, bots, goals, prices, and what was spooled', async (t) => {
  const redis = await startRedis({ t, conf: { appendonly: 'yes', appendfsync: 'always' } });
  await book(redis);
  const servers = await startServers({ t, redis, count: 2, options: { 'server.workers': 2, ...patient, ...on } });
  await mixedTraffic(t, servers, 400, 1);
  const rows = await assertSame(redis);
  for (const [what, is] of Object.entries({
    duplicate: (row) => row.result === 'duplicate',
    over_goal: (row) => row.result === 'over_goal',
    late: (row) => row.result === 'late',
    bot: (row) => row.result === 'bot',
    implied: (row) => row.implied && row.event === 'impression' && row.result === 'counted',
    price: (row) => row.price_micro > 0,
  }))
    assert.ok(rows.some(is), `there is one: ${what}`);

  await redis.kill();
  await mixedTraffic(t, servers, 100, 2);
  await redis.start();
  await until(
    async () => {
      const stats = await Promise.all(servers.map((server) => server.stats()));
      return stats.every(({ redis: { connected }, spool }) => connected && spool.waiting === 0);
    },
    { timeout: 20000, what: 'all has been replayed' },
  );
  const again = await assertSame(redis);
  assert.ok(again.length > rows.length);
  assert.deepEqual((await redis.command('SMEMBERS', 'ad:streams')).sort(), [...campaigns].sort());
  const reconciled = await adctl(['reconcile'], { redis });
  assert.equal(reconciled.code, 0, reconciled.stdout + reconciled.stderr);
});

test('an entry has the documented fields and nothing else', async (t) => {
  const redis = await startRedis({ t });
  await book(redis);
  const server = await startServer({ t, redis, options: { ...patient, ...on } });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  const impression = Buffer.from('00112233445566778899aabbccdd0001', 'hex');
  const issued = Date.now();
  const token = signToken(key, { ...places.spring, issued, impression });
  await report(`${server.base}/v1/c/${token}`);
  const after = Date.now();
  const documented = readFileSync(path.join(repository, 'docs/export.md'), 'utf8')
    .split('\n').filter((line) => /^\| `[a-z_]+`(, `[a-z_]+`)* \|/.test(line))
    .flatMap((line) => [...line.split('|')[1].matchAll(/`([a-z_]+)`/g)].map(([, name]) => name));
  const entries = await redis.command('XRANGE', 'ad:events:{spring}', '-', '+');
  for (const [, fields] of entries) assert.deepEqual(Object.keys(pairs(fields)), documented);
  const [first, second] = entries.map(([, fields]) => pairs(fields));
  const { at_ms: at } = first;
  assert.ok(at >= issued && at <= after, at);
  const common = {
    result: 'counted', creative: 'spring-970', slot: 'header',
    impression: impression.toString('base64url'), served_ms: String(issued), at_ms: at,
  };
  assert.deepEqual(first, { ...common, event: 'impression', implied: '1', price_micro: '1234' });
  assert.deepEqual(second, { ...common, event: 'click', implied: '0', price_micro: '333333' });
});

test('its length is bounded, and what is gone can be told from the numbers', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...patient, ...on, 'events.stream_max': 100 } });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  const agent = keptAlive(t, 32);
  await inParallel(1000, 32, () => report(`${server.base}/v1/i/${signToken(key, places.spring)}`, { agent }));
  const length = await redis.command('XLEN', 'ad:events:{spring}');
  assert.ok(length >= 100 && length <= 300, `${length} entries`);
  const { code, stdout } = await adctl(['events', '--campaign', 'spring'], { redis });
  assert.equal(code, 0);
  const numbers = parseLines(stdout).map(({ number }) => number);
  assert.deepEqual(numbers, Array.from({ length }, (_, i) => 1001 - length + i));
});

test('off, the default, there is no key of it', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: patient });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  for (const kind of 'ivc') await report(`${server.base}/v1/${kind}/${signToken(key, places.spring)}`);
  assert.equal((await countsInRedis(redis, 'spring')).total.impressions, 3);
  const keys = await redis.command('KEYS', 'ad:*');
  assert.deepEqual(keys.filter((one) => /^ad:(events|streams)/.test(one)), []);
  const { code, stdout } = await adctl(['events'], { redis });
  assert.deepEqual([code, stdout], [0, '']);
});

test('all or nothing: where there can be no stream nothing is counted either', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...patient, ...on }, allowErrors: true });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  await redis.command('SET', 'ad:events:{spring}', 'spoiled');
  const token = signToken(key, places.spring);
  assert.equal((await report(`${server.base}/v1/i/${token}`)).status, 503);
  assert.deepEqual(eventsOnly((await countsInRedis(redis, 'spring')).total), {});
  const told = await adctl(['events'], { redis });
  assert.deepEqual([told.code, told.stdout], [1, '']);
  assert.match(told.stderr, /ad:events:\{spring\}: it is no stream of events; allowed: /);
  await redis.command('DEL', 'ad:events:{spring}');
  assert.equal((await report(`${server.base}/v1/i/${token}`)).status, 204);
  assert.deepEqual(eventsOnly((await countsInRedis(redis, 'spring')).total), { impressions: 1 });
  assert.equal((await entriesOf(redis, 'spring')).length, 1);
  await redis.command('HSET', 'ad:total:{spring}', 'clicks', 'spoiled');
  assert.equal((await report(`${server.base}/v1/v/${token}`)).status, 204);
  assert.equal((await report(`${server.base}/v1/c/${token}`)).status, 302);
  await redis.command('HDEL', 'ad:total:{spring}', 'clicks');
  assert.deepEqual((await entriesOf(redis, 'spring')).map(({ event }) => event), ['impression', 'viewable']);
  assert.deepEqual(eventsOnly((await countsInRedis(redis, 'spring')).total), { impressions: 1, viewables: 1 });
});

test('the tables of the documentation take the CSV as it is, and their sums are the counts', async (t) => {
  const redis = await startRedis({ t });
  await book(redis);
  const servers = await startServers({ t, redis, count: 1, options: { ...patient, ...on } });
  await mixedTraffic(t, servers, 150, 3);
  const { code, stdout } = await adctl(['events', '--format', 'csv'], { redis });
  assert.equal(code, 0);
  const rows = readCsv(stdout);
  const text = readFileSync(path.join(repository, 'docs/export.md'), 'utf8');
  const tables = [...text.matchAll(/CREATE TABLE events \(\n([^]*?)\n\)/g)].map(([, columns]) =>
    [...columns.matchAll(/^ {4}([a-z_]+) +([A-Za-z0-9]+)/gm)].map(([, name, type]) => ({ name, type })));
  assert.equal(tables.length, 2);
  const fits = {
    text: /^.+$/, bigint: /^-?\d{1,18}$/, boolean: /^[01]$/, char: /^.{22}$/,
    String: /^.+$/, UInt64: /^\d{1,18}$/, Int64: /^-?\d{1,18}$/, LowCardinality: /^.+$/, UInt8: /^[01]$/, FixedString: /^.{22}$/,
  };
  for (const table of tables) {
    assert.deepEqual(table.map(({ name }) => name), Object.keys(rows[0]));
    for (const row of rows)
      for (const { name, type } of table) assert.match(row[name], fits[type], `${name} ${type}`);
  }
  assert.equal(new Set(rows.map(({ campaign, id }) => `${campaign} ${id}`)).size, rows.length, 'the primary key');
  for (const campaign of campaigns) {
    const { total } = await countsInRedis(redis, campaign);
    const said = countsOfRows(rows.filter((row) => row.campaign === campaign));
    assert.deepEqual(said.total, eventsOnly(total));
    assert.equal(said.spend, total.spend ?? 0);
  }
});

test('a consumer group gets each event once, between two consumers', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...patient, ...on } });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  const stream = 'ad:events:{spring}';
  await redis.command('XGROUP', 'CREATE', stream, 'warehouse', '0', 'MKSTREAM');
  for (let i = 0; i < 30; i++) await report(`${server.base}/v1/i/${signToken(key, places.spring)}`);
  const got = [];
  for (let turn = 0; got.length < 30; turn++) {
    assert.ok(turn < 10, 'they are handed out');
    const consumer = ['one', 'two'][turn % 2];
    const [[, entries]] = await redis.command('XREADGROUP', 'GROUP', 'warehouse', consumer, 'COUNT', '7', 'STREAMS', stream, '>');
    for (const [id, fields] of entries) {
      got.push(pairs(fields).impression);
      assert.equal(await redis.command('XACK', stream, 'warehouse', id), 1);
    }
  }
  assert.equal(new Set(got).size, 30);
  const { total } = await countsInRedis(redis, 'spring');
  assert.equal(total.impressions, 30);
});
