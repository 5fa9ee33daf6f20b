// Counts under what readers, clocks, managers and large numbers do to them: replays, forgeries, clocks that
// jump, campaigns that change while they serve, counters near the ends of number types.
import assert from 'node:assert/strict';
import { readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { makeClock } from '../lib/clock.mjs';
import { adctl, importCatalog, smallCatalog, startRedis, startServer, until, whenDone } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers, stream } from '../lib/traffic.mjs';
import { newestKey, nextImpression, signToken } from '../lib/tokens.mjs';

const hour = 3600000;
const asBrowser = { headers: { 'User-Agent': browser } };
const spring = { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' };
const keyOf = (server) => newestKey(server.options['tokens.keyring'] ?? `${server.options['server.state_dir']}/keyring`);
const kinds = { i: 'impressions', v: 'viewables', c: 'clicks' };

// ---- Replays and forgeries ----------------------------------------------------------------------------

test('each event replayed 10 times at once, at other processes, after restarts of all: counts once, the rest is duplicate', async (t) => {
  const redis = await startRedis({ t, conf: { appendonly: 'yes', appendfsync: 'always' } });
  await importCatalog(redis, smallCatalog);
  const options = { ...patient, 'server.workers': 2, 'tokens.page_ttl': '7d' };
  const servers = await startServers({ t, redis, count: 3, options, allowErrors: /redis/i });
  const key = keyOf(servers[0]);
  const agent = keptAlive(t);
  // One of now, and one of a page that was left open for a day.
  const tokens = Object.keys(kinds).flatMap((kind) => [0, 25 * hour].map((ago) => [kind, signToken(key, { ...spring, issued: Date.now() - ago })]));
  let sent = 0;
  const replay = async () => {
    const all = tokens.flatMap((one) => Array.from({ length: 10 }, () => one));
    await inParallel(all.length, 60, async (i) => {
      const [kind, token] = all[i];
      const answer = await report(`${servers[i % 3].base}/v1/${kind}/${token}`, { agent });
      assert.equal(answer.status, kind === 'c' ? 302 : 204);
    });
    sent += all.length;
    for (const server of servers) await until(async () => (await server.stats()).spool.waiting === 0);
    const { total, sums } = await countsInRedis(redis, 'spring');
    assert.deepEqual(total, { impressions: 6, viewables: 2, clicks: 2, duplicate: sent - 6 });
    assert.deepEqual(sums, total);
  };
  await replay();
  for (const server of servers) {
    await server.kill();
    server.child = null;
    await server.start();
  }
  await replay();
  await redis.restart('SIGKILL');
  await until(async () => (await Promise.all(servers.map((server) => server.stats()))).every(({ workers }) => workers.every((worker) => worker.redis_connected)), { timeout: 10000 });
  await replay();
  // What has been seen is remembered for longer than any of them can come.
  for (const name of await redis.command('KEYS', 'ad:seen:*')) assert.ok((await redis.command('PTTL', name)) > 7 * 24 * hour, name);
});

test('forged, altered, expired, of another campaign, click before impression: each has its reason or is refused', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const options = { ...patient, 'tokens.page_ttl': '2h', 'bots.click_without_impression': 'filter' };
  const server = await startServer({ t, redis, options });
  const key = keyOf(server);
  const good = signToken(key, spring);
  const strangers = { id: key.id, secret: Buffer.alloc(32, 7) };
  const other = signToken(key, { ...spring, campaign: 'books', creative: 'books-728', slot: 'post-top' });
  // The body of one campaign's token with the other's signature.
  const bytes = (token) => Buffer.from(token, 'base64url');
  const swapped = Buffer.concat([bytes(other).subarray(0, -16), bytes(good).subarray(-16)]).toString('base64url');
  const forged = { 'another key': signToken(strangers, spring), swapped, altered: good.slice(0, 40) + (good[40] === 'A' ? 'B' : 'A') + good.slice(41), nothing: '', words: 'impression' };
  let refused = 0;
  for (const [what, token] of Object.entries(forged))
    for (const kind of Object.keys(kinds)) {
      const answer = await report(`${server.base}/v1/${kind}/${token}`);
      assert.ok(answer.status === 403 || (token === '' && answer.status === 404), `${what}: ${answer.status}`);
      assert.equal(answer.headers.location, undefined, what);
      if (answer.status === 403) refused++;
    }
  assert.deepEqual(await redis.command('KEYS', 'ad:total:*'), []);
  assert.equal((await server.stats()).events.bad_token, refused);

  const landsAndCounts = async (token, expected) => {
    assert.equal((await report(`${server.base}/v1/c/${token}`)).status, 302);
    assert.deepEqual((await countsInRedis(redis, 'spring')).total, expected);
  };
  await landsAndCounts(good, { no_impression: 1 });
  assert.equal((await report(`${server.base}/v1/i/${good}`)).status, 204);
  await landsAndCounts(good, { no_impression: 1, impressions: 1, clicks: 1 });
  await landsAndCounts(signToken(key, { ...spring, issued: Date.now() - 3 * hour }), { no_impression: 1, impressions: 1, clicks: 1, late: 1 });
  // A number that somebody else's impression has is one impression all the same, in its own campaign.
  const impression = nextImpression('spring');
  for (const campaign of ['spring', 'books']) await report(`${server.base}/v1/i/${signToken(key, { ...spring, campaign, impression })}`);
  assert.equal((await countsInRedis(redis, 'spring')).total.impressions, 2);
  assert.deepEqual((await countsInRedis(redis, 'books')).total, { impressions: 1 });
  const { events } = await server.stats();
  assert.deepEqual([events.no_impression, events.late, events.counted], [1, 1, 4]);
});

// Until somebody has adopted what a killed worker left, its impressions may be among that.
test('a click is not kept apart for an impression that a killed worker has left in its spool', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const options = { ...patient, 'bots.click_without_impression': 'filter' };
  const server = await startServer({ t, redis, options, allowErrors: true, allowDeaths: /signal=9\b/ });
  const key = keyOf(server);
  const folder = path.join(server.options['server.state_dir'], 'spool');
  const token = signToken(key, spring);
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  assert.equal((await report(`${server.base}/v1/i/${token}`)).status, 204);
  const [file] = readdirSync(folder).filter((name) => name.endsWith('.spool'));
  const hidden = path.join(folder, '..', file);
  renameSync(path.join(folder, file), hidden); // nobody adopts it meanwhile
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  const killed = performance.now();
  const { workers: [{ pid }] } = await server.stats();
  process.kill(pid, 'SIGKILL');
  await until(async () => (await server.stats()).workers.some((worker) => worker.pid !== pid && worker.redis_connected), { interval: 5 });
  assert.equal((await report(`${server.base}/v1/c/${token}`)).status, 302);
  const took = performance.now() - killed;
  const { total } = await countsInRedis(redis, 'spring');
  t.diagnostic(`${took.toFixed(0)} ms: ${JSON.stringify(total)}`);
  if (took < 2500) assert.deepEqual([total.clicks, total.no_impression], [1, undefined]);
  renameSync(hidden, path.join(folder, file));
  await until(async () => (await countsInRedis(redis, 'spring')).total.duplicate === 1, { what: 'it was adopted' });
});

test('a click sooner than bots.fast_click after its serve or impression is kept apart, whichever worker has it', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...patient, 'server.workers': 3, 'bots.fast_click': '10s' } });
  const key = keyOf(server);
  const served = { ...spring, issued: Date.now() - 60000 }; // what is in view late may be clicked soon
  const tokens = Array.from({ length: 12 }, () => signToken(key, served));
  for (const token of tokens) assert.equal((await report(`${server.base}/v1/i/${token}`)).status, 204);
  for (const token of tokens) {
    const { status, headers } = await report(`${server.base}/v1/c/${token}`);
    assert.deepEqual([status, headers.location], [302, spring.landing], 'he gets where he goes');
  }
  assert.deepEqual((await countsInRedis(redis, 'spring')).total, { impressions: 12, fast_click: 12 });
  // Their impressions were not reported here: what is known is when they were served.
  await report(`${server.base}/v1/c/${signToken(key, served)}`);
  assert.deepEqual((await countsInRedis(redis, 'spring')).total, { impressions: 13, clicks: 1, fast_click: 12 });
  await report(`${server.base}/v1/c/${signToken(key, spring)}`);
  assert.deepEqual((await countsInRedis(redis, 'spring')).total, { impressions: 13, clicks: 1, fast_click: 13 });
  server.reconfigure({ 'bots.fast_click': '0ms' });
  await until(async () => {
    const token = signToken(key, spring);
    for (const kind of ['i', 'c']) await report(`${server.base}/v1/${kind}/${token}`);
    return (await countsInRedis(redis, 'spring')).total.clicks > 1;
  });
});

// ---- Clocks ------------------------------------------------------------------------------------------------

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };
const clockCatalog = {
  slots: ['capped', 'bound', 'dated'].map((id) => ({ id, sizes: '728x90' })),
  campaigns: [
    { id: 'capped', slots: 'capped', caps: '3/1h', creatives: [{ id: 'capped-1', ...picture }] },
    { id: 'bound', slots: 'bound', goal_impressions: 40, pacing: 'asap', creatives: [{ id: 'bound-1', ...picture }] },
    { id: 'dated', slots: 'dated', start: new Date(Date.now() - 20 * 24 * hour).toISOString(), end: new Date(Date.now() + 20 * 24 * hour).toISOString(), creatives: [{ id: 'dated-1', ...picture }] },
  ],
};

test('two servers whose clocks differ, and one whose clock jumps: caps, goals and counts hold', async (t) => {
  const clock = makeClock();
  if (!clock) return t.skip('no clock can be moved here');
  whenDone(t, () => clock.release());
  const redis = await startRedis({ t });
  await importCatalog(redis, clockCatalog);
  const [right] = await startServers({ t, redis, count: 1, options: { ...patient, 'server.workers': 2 } });
  const options = { ...patient, 'server.workers': 2, 'tokens.keyring': right.options['tokens.keyring'] };
  const moved = await startServer({ t, redis, options, env: clock.env });
  const servers = [right, moved];
  const at = (server, url) => server.base + new URL(url).pathname;
  const serves = {};

  const round = async (seconds) => {
    clock.move(seconds);
    await inParallel(24, 8, async (i) => {
      const uid = `reader-000${i % 3}`;
      const [ad] = await servers[i % 2].ads({ slot: 'capped', uid }, asBrowser);
      if (ad.campaign) serves[uid] = (serves[uid] ?? 0) + 1;
    });
    // Ads of each, reported to the other one.
    for (const from of servers) {
      const to = servers[1 - servers.indexOf(from)];
      const [ad] = await from.ads({ slot: 'dated' }, asBrowser);
      const runs = from === right || Math.abs(seconds) < 20 * 86400;
      assert.equal(ad.campaign, runs ? 'dated' : undefined, `${seconds} s`);
      if (!runs) {
        assert.equal(ad.unfilled, seconds > 0 ? 'ended' : 'not_started');
        continue;
      }
      assert.equal((await report(at(to, ad.impression_url))).status, 204);
      const click = await report(at(to, ad.click_url));
      assert.deepEqual([click.status, click.headers.location], [302, picture.landing]);
    }
    await inParallel(12, 4, async (i) => {
      const [ad] = await servers[i % 2].ads({ slot: 'bound' }, asBrowser);
      if (!ad.campaign) return;
      assert.equal((await report(at(servers[i % 2], ad.impression_url))).status, 204);
    });
    const { total } = await countsInRedis(redis, 'bound');
    assert.ok((total.impressions ?? 0) <= 40, `${total.impressions} of 40`);
  };

  for (const seconds of [0, 290, -290, 3600, -3600, 400 * 86400, 0, -400 * 86400, 0]) await round(seconds);
  assert.deepEqual(serves, { 'reader-0000': 3, 'reader-0001': 3, 'reader-0002': 3 }, "windows pass by Redis's clock");
  const { total, sums } = await countsInRedis(redis, 'dated');
  // `late` is what comes from an hour ahead (from the moved one at +1 h, to it at -1 h), and what comes to it
  // at 400 days off; all else counts.
  assert.deepEqual({ ...total, serves: 0 }, { impressions: 12, clicks: 12, late: 8, serves: 0 });
  assert.deepEqual({ ...sums, serves: 0 }, { ...total, serves: 0 });
  for (const server of servers) {
    const { workers, redis: connection } = await server.stats();
    assert.ok(workers.every(({ restarts }) => restarts === 0) && connection.connected);
  }
});

// ---- Changes ----------------------------------------------------------------------------------------------

test('paused, and deleted, under load: it stops within a second in all processes, and all that it served counts', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, clockCatalog);
  const ends = {
    dated: () => redis.command('HSET', 'ad:campaign:dated', 'status', 'paused'),
    bound: () => redis.client.pipeline([['MULTI'], ['SREM', 'ad:campaigns', 'bound'], ['DEL', 'ad:campaign:bound'], ['EXEC']]),
  };
  await redis.command('HSET', 'ad:campaign:bound', 'goal_impressions', '1000000');
  const servers = await startServers({ t, redis, count: 2, options: { ...patient, 'server.workers': 2 } });
  const agent = keptAlive(t);
  for (const [id, end] of Object.entries(ends)) {
    const load = stream(8, async (lane, turn) => {
      const asked = performance.now();
      const [ad] = await servers[(lane + turn) % 2].ads({ slot: id }, { agent, ...asBrowser });
      return { asked, ad };
    });
    await until(() => load.results.length > 50);
    await end();
    const ended = performance.now();
    await until(() => load.results.length && performance.now() > ended + 1500, { what: 'it has ended' });
    const { results, errors } = await load.stop();
    assert.deepEqual(errors, []);
    const served = results.filter(({ ad }) => ad.campaign);
    const late = served.filter(({ asked }) => asked > ended + 1000);
    t.diagnostic(`${id}: ${served.length} of ${results.length} served, the last asked for ${(Math.max(...served.map(({ asked }) => asked)) - ended).toFixed(0)} ms after its end`);
    assert.equal(late.length, 0, `${late.length} served after more than a second`);
    assert.ok(results.length > served.length);
    // All that was served is seen now, at the other server.
    await inParallel(served.length, 16, async (i) => {
      const { pathname } = new URL(served[i].ad.impression_url);
      assert.equal((await report(servers[i % 2].base + pathname, { agent })).status, 204);
    });
    await until(async () => (await Promise.all(servers.map((server) => server.stats()))).every(({ spool }) => spool.waiting === 0));
    const { total, sums } = await countsInRedis(redis, id);
    assert.deepEqual([total.impressions, sums.impressions, total.over_goal], [served.length, served.length, undefined], id);
  }
});

// ---- Large numbers -----------------------------------------------------------------------------------------

test('counters near 2^31, 2^32, 2^53 and 2^63: exact in Redis and in reports, and none wraps', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: patient });
  const key = keyOf(server);
  assert.equal((await report(`${server.base}/v1/i/${signToken(key, spring)}`)).status, 204);
  const [hourKey] = await redis.command('KEYS', 'ad:count:{spring}:*');
  const field = 'spring-970|header|impressions';
  const exact = async () => [await redis.command('HGET', 'ad:total:{spring}', 'impressions'), await redis.command('HGET', hourKey, field)];
  for (const power of [31n, 32n, 53n]) {
    const before = 2n ** power - 2n;
    await redis.command('HSET', 'ad:total:{spring}', 'impressions', String(before));
    await redis.command('HSET', hourKey, field, String(before));
    for (let n = 1n; n <= 4n; n++) {
      assert.equal((await report(`${server.base}/v1/i/${signToken(key, spring)}`)).status, 204);
      assert.deepEqual(await exact(), [String(before + n), String(before + n)], `2^${power}`);
    }
    const after = String(before + 4n);
    for (const format of ['json', 'csv', 'table']) {
      const { code, stdout, stderr } = await adctl(['report', '--campaign', 'spring', '--by', 'campaign', '--format', format], { redis });
      assert.equal(code, 0, stderr);
      assert.ok(stdout.replace(/,(?=\d{3})/g, '').includes(after), `${format} has no ${after}:\n${stdout}`);
    }
    // JSON's readers would round a number beyond 2^53: there it is a string.
    const { rows } = JSON.parse((await adctl(['report', '--campaign', 'spring', '--by', 'campaign', '--format', 'json'], { redis })).stdout);
    assert.strictEqual(rows[0].impressions, power < 53n ? Number(after) : after);
    const reconciled = await adctl(['reconcile'], { redis });
    assert.equal(reconciled.code, 0, reconciled.stdout + reconciled.stderr);
  }
  // At the very end nothing is said to be counted, and nothing is.
  const last = String(2n ** 63n - 1n);
  for (const [where, name] of [['ad:total:{spring}', 'impressions'], [hourKey, field]]) {
    const kept = await redis.command('HGET', where, name);
    await redis.command('HSET', where, name, last);
    const before = await exact();
    assert.equal((await report(`${server.base}/v1/i/${signToken(key, spring)}`)).status, 503);
    assert.deepEqual(await exact(), before);
    await redis.command('HSET', where, name, kept);
  }
  assert.equal((await server.stats()).events.failed, 2);
});

test('goals, budgets and caps near the ends of numbers hold', async (t) => {
  const redis = await startRedis({ t });
  const bound = (id, rest) => ({ id, slots: id, pacing: 'asap', ...rest, creatives: [{ id: `${id}-1`, ...picture }] });
  await importCatalog(redis, {
    slots: ['goal', 'money', 'cap'].map((id) => ({ id, sizes: '728x90' })),
    campaigns: [
      bound('goal', { goal_impressions: 4000000000 }),
      bound('money', { cpm: '1000', budget: '1000000000' }),
      bound('cap', { caps: '3/1h' }),
    ],
  });
  await redis.command('HSET', 'ad:total:{goal}', 'impressions', '3999999997');
  await redis.command('HSET', 'ad:total:{money}', 'spend', String(10n ** 15n - 2000000n)); // two impressions are left
  const server = await startServer({ t, redis, options: { ...patient, 'server.workers': 2 } });
  const served = async (slot) => {
    const [ad] = await server.ads({ slot, uid: 'reader-0001' }, asBrowser);
    if (ad.campaign) assert.equal((await report(ad.impression_url)).status, 204);
    return ad.campaign ? 1 : 0;
  };
  const sum = async (slot) => (await inParallel(12, 4, () => served(slot))).reduce((a, b) => a + b, 0);
  assert.equal(await sum('goal'), 3);
  assert.equal(await redis.command('HGET', 'ad:total:{goal}', 'impressions'), '4000000000');
  assert.equal(await sum('money'), 2);
  assert.equal(await redis.command('HGET', 'ad:total:{money}', 'spend'), '1000000000000000');
  assert.equal(await sum('cap'), 3);
  const [name] = await redis.command('KEYS', 'ad:cap:*');
  for (const count of [2n ** 31n, 2n ** 32n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    await redis.command('SET', name, String(count), 'KEEPTTL');
    assert.equal(await sum('cap'), 0, `a counter of ${count}`);
  }
});

// ---- All who tell of counts ----------------------------------------------------------------------------

test('at rest Redis, /stats, /metrics, the report and reconcile tell the same', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const options = { ...patient, 'server.workers': 3, 'tokens.page_ttl': '2h', 'bots.internal': '10.0.0.0/8', 'server.trusted_proxies': '127.0.0.1' };
  const server = await startServer({ t, redis, options });
  const key = keyOf(server);
  const agent = keptAlive(t, 16);
  const ways = [{}, {}, {}, { 'User-Agent': 'Googlebot/2.1' }, { 'User-Agent': '' }, { Purpose: 'prefetch' }, { 'X-Forwarded-For': '10.1.2.3' }];
  await inParallel(140, 16, async (i) => {
    const as = { agent, headers: { 'User-Agent': browser, ...ways[i % ways.length] } };
    const ads = await server.ads({ slot: ['header', 'post-top'] }, as);
    for (const { campaign, creative, slot, click_url: url } of ads) {
      const token = i % 10 === 9 ? signToken(key, { campaign, creative, slot, issued: Date.now() - 3 * hour }) : url.split('/v1/c/')[1];
      for (const kind of ['i', 'v', 'c'].slice(0, 1 + (i % 3)).concat(i % 4 ? [] : ['i'])) await report(`${server.base}/v1/${kind}/${token}`, as);
    }
  });
  const served = ({ total }) => Object.entries(total).reduce((sum, [name, n]) => sum + (name.startsWith('serves') ? n : 0), 0);
  await until(async () => served(await countsInRedis(redis, 'spring')) + served(await countsInRedis(redis, 'books')) === 280, { what: 'serves are written' });
  await until(async () => (await server.stats()).spool.waiting === 0);

  const metrics = await server.metrics();
  const metric = (name) => Number(new RegExp(`^masthead_${name.replace(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(metrics)?.[1] ?? 0);
  const stats = await server.stats();
  const told = await adctl(['report', '--by', 'campaign', '--format', 'json'], { redis });
  const { rows } = JSON.parse(told.stdout);
  const reasons = {};
  for (const campaign of ['spring', 'books']) {
    const { total, sums } = await countsInRedis(redis, campaign);
    assert.deepEqual(sums, total, campaign);
    const row = rows.find((one) => Object.values(one).includes(campaign));
    for (const name of ['serves', 'impressions', 'viewables', 'clicks']) {
      const n = total[name] ?? 0;
      assert.ok(n > 0);
      const by = { stats: stats.campaigns[campaign][name], metrics: metric(`campaign_${name}_total{campaign="${campaign}"}`), report: row[name] };
      assert.deepEqual(by, { stats: n, metrics: n, report: n }, `${campaign} ${name}`);
    }
    for (const [name, n] of Object.entries(total)) if (!['serves', 'impressions', 'viewables', 'clicks'].includes(name)) reasons[name] = (reasons[name] ?? 0) + n;
  }
  for (const name of ['duplicate', 'late', 'bot', 'not_browser', 'prefetch', 'internal']) {
    assert.ok(reasons[name] > 0, name);
    assert.deepEqual([stats.events[name], metric(`events_total{result="${name}"}`)], [reasons[name], reasons[name]], name);
  }
  const equal = await adctl(['reconcile', '--stats', `${server.admin}/stats`], { redis });
  assert.equal(equal.code, 0, equal.stdout + equal.stderr);
  assert.match(equal.stdout, /^2 campaigns, 0 differences; gross (\d+) = net (\d+) \+ filtered (\d+) events\n$/);
  const [, gross, net, filtered] = /gross (\d+) = net (\d+) \+ filtered (\d+)/.exec(equal.stdout).map(Number);
  assert.equal(gross, net + filtered);
  assert.equal(net, stats.events.counted);
});

test('reconcile adds up what several servers tell', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const servers = await startServers({ t, redis, count: 3, options: patient });
  const key = newestKey(servers[0].options['tokens.keyring']);
  for (const [i, server] of servers.entries())
    for (let n = 0; n <= i; n++) {
      const campaign = n % 2 ? { ...spring, campaign: 'books', creative: 'books-728', slot: 'post-top' } : spring;
      const token = signToken(key, campaign);
      for (const kind of ['i', 'c', 'i']) await report(`${server.base}/v1/${kind}/${token}`);
    }
  const urls = servers.map((server) => `${server.admin}/stats`);
  const run = (list) => adctl(['reconcile', '--stats', list.join(',')], { redis });
  const equal = await run(urls);
  assert.deepEqual([equal.code, equal.stdout], [0, '2 campaigns, 0 differences; gross 18 = net 12 + filtered 6 events\n'], equal.stderr);
  const short = await run(urls.slice(0, 2));
  assert.equal(short.code, 1);
  assert.match(short.stdout, /counted/);
  const wrong = await run([urls[0], `${servers[1].admin}/healthz`]);
  assert.deepEqual([wrong.code, wrong.stdout], [1, '']);
  assert.match(wrong.stderr, /no statistics|not JSON|allowed/);
});
