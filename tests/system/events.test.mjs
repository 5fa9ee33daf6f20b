// Impressions, viewable impressions, clicks: each counted once, whatever is not counted has its reason,
// and Redis and /stats tell the same.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { connect, importCatalog, request, smallCatalog, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers, statsOfAll } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

const hour = 3600000;
const asBrowser = { headers: { 'User-Agent': browser } };

async function start(t, { conf, options, ...settings } = {}) {
  const redis = await startRedis({ t, conf });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { ...patient, ...options }, ...settings });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  return { redis, server, key };
}

const header = { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' };

// The same address at another server.
const at = (server, url) => server.base + new URL(url).pathname;

for (const [kind, url, metric, status] of [
  ['impression', 'impression_url', 'impressions', 204],
  ['viewable impression', 'viewable_url', 'viewables', 204],
  ['click', 'click_url', 'clicks', 302],
]) {
  test(`a ${kind} reported 50 times at once over three servers counts once`, async (t) => {
    const redis = await startRedis({ t });
    await importCatalog(redis, smallCatalog);
    const options = { 'server.workers': 2, ...patient };
    const servers = await startServers({ t, redis, count: 3, options });
    const agent = keptAlive(t);
    for (let round = 1; round <= 5; round++) {
      const [ad] = await servers[0].ads({ slot: 'header' }, asBrowser);
      const answers = await inParallel(50, 50, (i) => report(at(servers[i % 3], ad[url]), { agent }));
      assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [status]);
      const { total, sums } = await countsInRedis(redis, 'spring');
      const implied = kind === 'impression' ? 0 : round;
      assert.equal(total[metric], round);
      assert.equal(total.duplicate, 49 * round);
      assert.equal(total.impressions, round, 'its impression is implied, once');
      assert.deepEqual([sums[metric], sums.duplicate, sums.impressions], [round, 49 * round, round]);
      const { events, campaigns } = await statsOfAll(servers);
      assert.equal(events.counted, round + implied);
      assert.equal(events.duplicate, 49 * round);
      assert.equal(campaigns.spring[metric], round);
      assert.equal(campaigns.spring.impressions, round);
    }
  });
}

test('a click replayed 1,000 times, also after a restart, lands each time and counts once', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const options = { 'server.workers': 2, ...patient };
  const [first, second] = await startServers({ t, redis, count: 2, options });
  const agent = keptAlive(t, 32);
  const [ad] = await first.ads({ slot: 'header' }, asBrowser);
  const replay = async (server, count) => {
    const answers = await inParallel(count, 32, () => report(at(server, ad.click_url), { agent }));
    assert.ok(answers.every(({ status, headers }) => status === 302 && headers.location === 'https://shop.example/spring?from=header'));
  };
  await replay(first, 500);
  await second.kill();
  second.child = null;
  await second.start();
  await replay(second, 500);
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.clicks, total.impressions, total.duplicate], [1, 1, 999]);
});

test('in any order: what a click or a viewable implied does not count again', async (t) => {
  const { redis, server, key } = await start(t);
  const kinds = ['i', 'v', 'c'];
  const orders = kinds.flatMap((a) => kinds.flatMap((b) => kinds.map((c) => [a, b, c])));
  let expected = 0;
  for (const order of orders) {
    const token = signToken(key, header);
    for (const kind of order) await report(`${server.base}/v1/${kind}/${token}`);
    expected++;
    const { total } = await countsInRedis(redis, 'spring');
    assert.equal(total.impressions, expected, `${order}: one impression`);
  }
  const { total } = await countsInRedis(redis, 'spring');
  const having = (kind) => orders.filter((order) => order.includes(kind)).length;
  assert.equal(total.viewables, having('v'));
  assert.equal(total.clicks, having('c'));
});

test('fields and keys are those of the contract, and hours are UTC', async (t) => {
  const { redis, server } = await start(t);
  const began = new Date();
  const ads = await server.ads({ slot: ['header', 'post-top'] }, asBrowser);
  await report(ads[0].impression_url);
  await report(ads[0].viewable_url);
  await report(ads[0].click_url);
  await report(ads[0].click_url);
  await report(ads[1].click_url, { headers: { 'User-Agent': '' } });
  await until(async () => (await countsInRedis(redis, 'books')).total.serves === 1, { what: 'serves are written' });
  await until(async () => (await countsInRedis(redis, 'spring')).total.serves === 1, { what: 'serves are written' });
  const spring = await countsInRedis(redis, 'spring');
  const books = await countsInRedis(redis, 'books');
  const place = 'spring-970|header|';
  assert.deepEqual(spring.fields, {
    [`${place}serves`]: 1,
    [`${place}impressions`]: 1,
    [`${place}viewables`]: 1,
    [`${place}clicks`]: 1,
    [`${place}duplicate`]: 1,
  });
  assert.deepEqual(spring.total, spring.sums);
  assert.deepEqual(books.fields, { 'books-728|post-top|serves': 1, 'books-728|post-top|not_browser': 1 });
  assert.deepEqual(books.total, books.sums);
  const name = (date) => date.toISOString().replace(/[-T]/g, '').slice(0, 10);
  for (const one of Object.keys({ ...spring.hours, ...books.hours }))
    assert.ok([name(began), name(new Date())].includes(one), one);
});

test('what is not a person is counted apart, under its reason', async (t) => {
  const { redis, server, key } = await start(t);
  const ways = {
    head: { method: 'HEAD' },
    prefetch: { headers: { 'Sec-Purpose': 'prefetch;prerender' } },
    not_browser: { headers: { 'User-Agent': '' } },
    bot: { headers: { 'User-Agent': 'Googlebot/2.1' } },
  };
  const none = { impressions: undefined, viewables: undefined, clicks: undefined };
  let events = 0;
  for (const [reason, settings] of Object.entries(ways)) {
    for (const kind of ['i', 'v', 'c']) {
      const answer = await report(`${server.base}/v1/${kind}/${signToken(key, header)}`, settings);
      assert.equal(answer.status, kind === 'c' ? 302 : 204, 'it gets its answer');
      events++;
    }
    const { total } = await countsInRedis(redis, 'spring');
    assert.equal(total[reason], 3, reason);
    assert.deepEqual({ ...none, ...pick(total, Object.keys(none)) }, none);
  }
  const { events: told } = await server.stats();
  assert.deepEqual([told.head, told.prefetch, told.not_browser, told.bot, told.counted], [3, 3, 3, 3, 0]);
  // Its own later report by a person counts: what was kept apart has left no mark.
  const token = signToken(key, header);
  await report(`${server.base}/v1/i/${token}`, ways.prefetch);
  await report(`${server.base}/v1/i/${token}`);
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.prefetch, total.impressions, total.duplicate], [4, 1, undefined]);
  assert.equal(events, 12);
  // And an ad for it is no serve.
  const { campaigns } = await server.stats();
  const serves = campaigns.spring.serves;
  await server.get('/v1/ads?slot=header', { method: 'HEAD' });
  await server.get('/v1/ads?slot=header', { headers: { 'User-Agent': browser, Purpose: 'prefetch' } });
  await server.get('/v1/ads?slot=header');
  assert.equal((await server.stats()).campaigns.spring.serves, serves);
});

const pick = (object, names) => Object.fromEntries(names.filter((name) => name in object).map((name) => [name, object[name]]));

test('a late click redirects and counts as late', async (t) => {
  const { redis, server, key } = await start(t, { options: { 'tokens.page_ttl': '2h' } });
  const issued = (ago) => signToken(key, { ...header, issued: Date.now() - ago });
  const late = issued(2 * hour + 60000);
  const click = await report(`${server.base}/v1/c/${late}`);
  assert.deepEqual([click.status, click.headers.location], [302, header.landing]);
  assert.equal((await report(`${server.base}/v1/i/${late}`)).status, 204);
  assert.equal((await report(`${server.base}/v1/v/${late}`)).status, 204);
  assert.equal((await report(`${server.base}/v1/c/${issued(-hour)}`)).status, 302, 'from a clock far ahead');
  let { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual(total, { late: 4 });
  assert.deepEqual(pick((await server.stats()).events, ['late', 'counted']), { late: 4, counted: 0 });

  await report(`${server.base}/v1/c/${issued(2 * hour - 60000)}`); // just in time
  await report(`${server.base}/v1/c/${issued(-60000)}`); // from a clock a minute ahead
  ({ total } = await countsInRedis(redis, 'spring'));
  assert.deepEqual(total, { late: 4, clicks: 2, impressions: 2 });
});

test('Redis away: events are taken all the same, and counted when it is back', async (t) => {
  const { redis, server } = await start(t, { allowErrors: /redis/i });
  const ads = [];
  for (let i = 0; i < 2; i++) ads.push((await server.ads({ slot: 'header' }, asBrowser))[0]);
  await redis.kill();
  await until(async () => !(await server.stats()).redis.connected, { what: 'it has noticed' });
  for (const url of [ads[0].impression_url, ads[0].impression_url, ads[0].viewable_url])
    assert.equal((await report(url)).status, 204);
  assert.equal((await report(`${ads[0].impression_url}.gif`)).status, 200);
  assert.equal((await report(ads[1].click_url)).status, 302);
  const { events, spool } = await server.stats();
  assert.deepEqual(pick(events, ['spooled', 'failed', 'counted']), { spooled: 5, failed: 0, counted: 0 });
  assert.ok(spool.writable);
  await redis.start();
  await until(async () => (await server.stats()).events.counted === 4, { what: 'they are counted' });
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual(pick(total, ['impressions', 'viewables', 'clicks', 'duplicate']), { impressions: 2, viewables: 1, clicks: 1, duplicate: 2 });
  await until(async () => (await server.stats()).spool.waiting === 0);
  assert.equal((await server.stats()).events.duplicate, 2);
});

test('neither Redis nor a disk: a beacon is told 503 and counted as failed, a click still lands', async (t) => {
  const { redis, server } = await start(t, { allowErrors: /redis|spool/i });
  rmSync(path.join(server.dir, 'state', 'spool'), { recursive: true });
  const ads = [];
  for (let i = 0; i < 3; i++) ads.push((await server.ads({ slot: 'header' }, asBrowser))[0]);
  await redis.kill();
  await until(async () => !(await server.stats()).redis.connected, { what: 'it has noticed' });
  const impression = await report(ads[0].impression_url);
  assert.equal(impression.status, 503);
  assert.equal(impression.json().error.code, 'not_counted');
  assert.equal(impression.headers['cache-control'], 'no-store');
  assert.equal((await report(ads[0].viewable_url)).status, 503);
  assert.equal((await report(`${ads[0].impression_url}.gif`)).status, 503);
  const click = await report(ads[1].click_url);
  assert.deepEqual([click.status, click.headers.location], [302, 'https://shop.example/spring?from=header']);
  assert.deepEqual(pick((await server.stats()).events, ['failed', 'counted']), { failed: 4, counted: 0 });

  await redis.start();
  await until(async () => (await server.stats()).redis.connected);
  await until(async () => (await report(ads[0].impression_url)).status === 204, { what: 'sent again it counts' });
  assert.equal((await countsInRedis(redis, 'spring')).total.impressions, 1);
});

test('the forms of a beacon', async (t) => {
  const { server, key } = await start(t);
  const beacon = (kind, ending = '') => `${server.base}/v1/${kind}/${signToken(key, header)}${ending}`;
  const gif = await report(beacon('i', '.gif'));
  assert.equal(gif.status, 200);
  assert.equal(gif.headers['content-type'], 'image/gif');
  assert.equal(gif.body.length, 43);
  assert.equal(gif.body.toString('latin1', 0, 6), 'GIF89a');
  assert.deepEqual([gif.body.readUInt16LE(6), gif.body.readUInt16LE(8), gif.body[42]], [1, 1, 0x3b]);
  const head = await report(beacon('i', '.gif'), { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '43', 0]);
  assert.equal((await report(beacon('v', '.gif'))).status, 403, 'only an impression has a picture');
  for (const kind of ['i', 'v']) {
    const posted = await report(beacon(kind), { method: 'POST', body: 'anything' });
    assert.equal(posted.status, 204);
    assert.equal(posted.body.length, 0);
    for (const [name, value] of [['cache-control', 'no-store'], ['access-control-allow-origin', '*']])
      assert.equal(posted.headers[name], value);
    assert.equal(posted.headers['set-cookie'], undefined);
    const preflight = await report(beacon(kind), { method: 'OPTIONS', headers: { Origin: 'https://blog.example', 'Access-Control-Request-Method': 'POST' } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers['access-control-allow-origin'], '*');
    assert.equal(preflight.headers['access-control-allow-credentials'], undefined);
    assert.equal((await report(beacon(kind), { method: 'DELETE' })).status, 405);
  }
});

test('an ad that never renders is a serve and no impression; so is a client that leaves', async (t) => {
  const { redis, server } = await start(t);
  const connection = await connect(server.port);
  connection.send(`GET /v1/ads?slot=header HTTP/1.1\r\nHost: a\r\nUser-Agent: ${browser}\r\n\r\n`);
  await until(async () => (await server.stats()).campaigns.spring?.serves === 1);
  connection.close();
  await until(async () => (await countsInRedis(redis, 'spring')).total.serves === 1);
  assert.equal((await countsInRedis(redis, 'spring')).total.impressions, undefined);
});

test('a client that leaves before its answer: its event counts all the same', async (t) => {
  const { redis, server, key } = await start(t);
  for (const kind of ['i', 'v', 'c']) {
    const connection = await connect(server.port);
    connection.send(`GET /v1/${kind}/${signToken(key, header)} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${browser}\r\n\r\n`);
    connection.socket.end();
    connection.close();
  }
  await until(async () => {
    const { counted, failed, duplicate } = (await server.stats()).events;
    return counted === 5 && failed + duplicate === 0;
  });
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual(total, { impressions: 3, viewables: 1, clicks: 1 });
});

test('sums beyond 2^53 stay exact', async (t) => {
  const { redis, server, key } = await start(t);
  await redis.command('HSET', 'ad:total:{spring}', 'impressions', '9007199254740992');
  for (let i = 0; i < 3; i++) await report(`${server.base}/v1/i/${signToken(key, header)}`);
  assert.equal(await redis.command('HGET', 'ad:total:{spring}', 'impressions'), '9007199254740995');
  // At the end of what Redis can count nothing wraps and nothing is said to be counted.
  await redis.command('HSET', 'ad:total:{spring}', 'impressions', '9223372036854775807');
  const answer = await report(`${server.base}/v1/i/${signToken(key, header)}`);
  assert.equal(answer.status, 503);
  assert.equal(await redis.command('HGET', 'ad:total:{spring}', 'impressions'), '9223372036854775807');
  assert.equal((await countsInRedis(redis, 'spring')).sums.impressions, 3);
});

test('at rest Redis, /stats and what was sent agree, and gross is net plus the reasons', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const options = { 'server.workers': 2, 'tokens.page_ttl': '2h', ...patient };
  const servers = await startServers({ t, redis, count: 2, options });
  const key = newestKey(servers[0].options['tokens.keyring']);
  const agent = keptAlive(t, 32);
  let seed = 12345; // the same visits each time
  const draw = (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * n);
  };
  const visits = Array.from({ length: 150 }, () => ({
    first: draw(2),
    events: Array.from({ length: draw(6) }, () => ({ kind: 'ivc'[draw(3)], to: draw(2), way: draw(8) })),
    late: draw(10) === 0,
  }));
  const ways = [{ method: 'HEAD' }, { headers: { Purpose: 'prefetch' } }, { headers: { 'User-Agent': '' } }];
  let sent = 0;
  await inParallel(visits.length, 16, async (i) => {
    const { first, events, late } = visits[i];
    const [ad] = await servers[first].ads({ slot: 'header' }, { agent, ...asBrowser });
    const fresh = ad.click_url.split('/v1/c/')[1];
    const token = late ? signToken(key, { ...header, issued: Date.now() - 3 * hour }) : fresh;
    for (const { kind, to, way } of events) {
      await report(`${servers[to].base}/v1/${kind}/${token}`, { agent, ...ways[way] });
      sent++;
    }
    await request(`${servers[0].base}/v1/i/${token.slice(1)}`, { agent, ...asBrowser }); // refused
  });
  await until(async () => (await countsInRedis(redis, 'spring')).total.serves === visits.length, { what: 'serves are written' });
  const { sums, total } = await countsInRedis(redis, 'spring');
  const { events, campaigns, requests } = await statsOfAll(servers);
  assert.deepEqual(total, sums);
  const { serves, impressions, viewables, clicks } = campaigns.spring;
  assert.deepEqual({ serves, impressions, viewables, clicks }, pick(total, ['serves', 'impressions', 'viewables', 'clicks']));
  const apart = ['duplicate', 'late', 'not_browser', 'prefetch', 'head'];
  assert.deepEqual(pick(events, apart), pick(total, apart));
  assert.equal(events.counted, impressions + viewables + clicks);
  assert.equal(events.bad_token, visits.length);
  assert.equal(requests.impression + requests.viewable + requests.click, sent + visits.length);
  // What came in is what counted, its implied impressions aside, and what was kept apart.
  const gross = await countSent(visits, sums, apart);
  assert.equal(gross, sent);
  t.diagnostic(`${sent} events: ${JSON.stringify(total)}`);
});

// Reports that counted themselves (not as an implication) and those kept apart.
async function countSent(visits, sums, apart) {
  const reasons = apart.reduce((sum, name) => sum + (sums[name] ?? 0), 0);
  const implied = visits.filter(({ events, late }) => {
    const firstThatCounts = events.find(({ way }) => way > 2);
    return !late && firstThatCounts && firstThatCounts.kind !== 'i';
  }).length;
  return sums.impressions + sums.viewables + sums.clicks - implied + reasons;
}
