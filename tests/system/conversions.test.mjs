// Conversions: what an advertiser reports of a click counts once, with its value, where there was a click
// (or, where that is allowed, a viewable impression); what does not count has its reason.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { importCatalog, request, smallCatalog, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers, statsOfAll } from '../lib/traffic.mjs';
import { newestKey, nextImpression, signClickId, signToken } from '../lib/tokens.mjs';

const asBrowser = { headers: { 'User-Agent': browser } };
const fromServer = { headers: { 'User-Agent': 'curl/8.4.0' } };
const day = 86400000;

// The small catalog, in which spring's landing holds a click id.
const catalog = structuredClone(smallCatalog);
catalog.campaigns[0].creatives[0].landing = 'https://shop.example/spring?from=header&click={click_id:url}';

async function start(t, { conf, options, ...settings } = {}) {
  const redis = await startRedis({ t, conf });
  await importCatalog(redis, catalog);
  const server = await startServer({ t, redis, options: { ...patient, ...options }, ...settings });
  const key = newestKey(path.join(server.dir, 'state', 'keyring'));
  return { redis, server, key };
}

const clickIdOf = (landing) => new URL(landing).searchParams.get('click');

// An ad, and the click id that its click's landing address holds; the click counts unless `clicked` is false.
async function adOf(server, { clicked = true } = {}) {
  const [ad] = await server.ads({ slot: 'header' }, asBrowser);
  const asked = await report(ad.click_url, clicked ? {} : { method: 'HEAD' });
  return { ad, id: clickIdOf(asked.headers.location) };
}

const ends = (parameters) => (parameters ? `?${new URLSearchParams(parameters)}` : '');
const convert = (server, id, parameters, settings = fromServer) =>
  server.get(`/v1/x/${id}${ends(parameters)}`, settings);

// An ad of any age: what a click would tell the server, and what a conversion.
function agedAd(key, age, more = {}) {
  const ad = {
    campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/', converts: true,
    issued: Date.now() - age, impression: nextImpression('spring'), ...more,
  };
  return { token: signToken(key, ad), id: signClickId(key, ad) };
}

test('a click, then its conversion: counted once, with its value, in hour, total, /stats and /metrics', async (t) => {
  const { redis, server } = await start(t);
  const { id } = await adOf(server);
  assert.match(id, /^[A-Za-z0-9_-]{80,100}$/);
  for (let i = 0; i < 3; i++) {
    const answer = await convert(server, id, { value: '19.99', currency: 'EUR' });
    assert.equal(answer.status, 204, answer.text);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(answer.headers['access-control-allow-origin'], '*');
  }
  await until(async () => (await countsInRedis(redis, 'spring')).total.serves === 1, { what: 'the serve is written' });
  const { fields, sums, total } = await countsInRedis(redis, 'spring');
  const place = 'spring-970|header|';
  assert.deepEqual(fields, {
    [`${place}serves`]: 1, [`${place}impressions`]: 1, [`${place}clicks`]: 1,
    [`${place}conversions`]: 1, [`${place}value.EUR`]: 19990000, [`${place}duplicate`]: 2,
  });
  assert.deepEqual(total, sums);
  const { campaigns, events, requests, latency_ms: latency } = await server.stats();
  assert.equal(campaigns.spring.conversions, 1);
  assert.deepEqual([events.counted, events.duplicate, requests.conversion, latency.conversion.count], [3, 2, 3, 3]);
  assert.match(await server.metrics(), /^masthead_campaign_conversions_total\{campaign="spring"\} 1$/m);
  const { rows } = JSON.parse((await server.adctl(['report', '--by', 'campaign', '--format', 'json'])).stdout);
  assert.deepEqual([rows[0].conversions, rows[0].values], [1, { EUR: '19.990000' }]);
});

test('each order of a click counts once, and one conversion without an order', async (t) => {
  const { redis, server } = await start(t);
  const { id } = await adOf(server);
  for (const order of ['A-1', 'A-1', 'A-2', 'a-1', undefined, undefined, 'A-2'])
    assert.equal((await convert(server, id, { ...(order && { order }), value: '1', currency: 'USD' })).status, 204);
  const second = await adOf(server);
  await convert(server, second.id, { order: 'A-1' });
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.conversions, total.duplicate, total['value.USD']], [4, 4, 4000000]);
});

test('a pixel, POST with a form, preflight', async (t) => {
  const { redis, server } = await start(t);
  const { id } = await adOf(server);
  const pixel = await convert(server, `${id}.gif`, { order: 'p', value: '0.5', currency: 'CHF' }, asBrowser);
  assert.deepEqual([pixel.status, pixel.headers['content-type'], pixel.body.length], [200, 'image/gif', 43]);
  const form = { 'User-Agent': 'shop/1', 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const post = { method: 'POST', headers: form, body: 'order=f&value=2&currency=CHF' };
  assert.equal((await convert(server, id, null, post)).status, 204);
  assert.equal((await convert(server, id, { order: 'q', unknown: 'x' }, { method: 'POST', headers: {} })).status, 204);
  const asked = await convert(server, id, null, { method: 'OPTIONS', headers: { Origin: 'https://shop.example' } });
  assert.deepEqual([asked.status, asked.headers['access-control-allow-origin']], [204, '*']);
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.conversions, total['value.CHF']], [3, 2500000]);
});

test('HEAD and prefetches are no conversions; a server needs no browser', async (t) => {
  const { redis, server } = await start(t);
  const { id } = await adOf(server);
  await convert(server, id, null, { method: 'HEAD', headers: { 'User-Agent': browser } });
  await convert(server, id, null, { headers: { 'User-Agent': browser, 'Sec-Purpose': 'prefetch' } });
  await convert(server, id, null, { headers: { 'User-Agent': '' } });
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.head, total.prefetch, total.bot, total.conversions], [1, 1, undefined, 1]);
});

test('parameters: what is wrong is 400, names the parameter, and counts nothing', async (t) => {
  const { redis, server } = await start(t);
  const { id } = await adOf(server);
  const wrong = [
    ['value=1', 'currency'], ['currency=EUR', 'value'], ['value=1&currency=eur', 'currency'],
    ['value=1&currency=XXX', 'currency'], ['value=1&currency=EURO', 'currency'], ['value=&currency=EUR', 'value'],
    ['value=-1&currency=EUR', 'value'], ['value=1e3&currency=EUR', 'value'], ['value=1,5&currency=EUR', 'value'],
    ['value=1.1234567&currency=EUR', 'value'], ['value=1000000000.000001&currency=EUR', 'value'],
    ['value=1&value=1&currency=EUR', 'value'], ['value=1&currency=EUR&currency=EUR', 'currency'],
    ['order=', 'order'], ['order=a%20b', 'order'], [`order=${'a'.repeat(65)}`, 'order'], ['order=a&order=a', 'order'],
    ['value=%zz', 'query'], [`${'a=b&'.repeat(64)}a=b`, 'query'],
  ];
  for (const [query, name] of wrong) {
    const answer = await server.get(`/v1/x/${id}?${query}`, fromServer);
    assert.equal(answer.status, 400, query);
    assert.equal(answer.json().error.code, 'bad_parameter');
    assert.ok(answer.json().error.message.startsWith(`${name}: `), `${query}: ${answer.text}`);
  }
  const body = await convert(server, id, null, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
  assert.deepEqual([body.status, body.json().error.message.slice(0, 5)], [400, 'body:']);
  assert.equal((await convert(server, id, { value: '1000000000', currency: 'EUR' })).status, 204, 'the most is allowed');
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.conversions, total['value.EUR'], total.duplicate], [1, 1e15, undefined]);
});

test('every bit of ids, and other tokens in their place: 403, and counted', async (t) => {
  const { redis, server } = await start(t);
  const agent = keptAlive(t, 8);
  let refused = 0;
  const refuse = async (id) => {
    const answer = await convert(server, encodeURIComponent(id), null, { ...fromServer, agent });
    assert.equal(answer.status, 403, id);
    assert.equal(answer.json().error.code, 'bad_token');
    refused++;
  };
  for (let i = 0; i < 3; i++) {
    const { ad, id } = await adOf(server);
    const bytes = Buffer.from(id, 'base64url');
    await inParallel(bytes.length * 8, 8, async (bit) => {
      const altered = Buffer.from(bytes);
      altered[bit >> 3] ^= 1 << (bit & 7);
      await refuse(altered.toString('base64url'));
    });
    for (let bit = 0; bit < 8; bit++) {
      const altered = Buffer.from(id);
      altered[id.length - 1] ^= 1 << bit;
      await refuse(altered.toString('latin1'));
    }
    for (const token of [new URL(ad.click_url).pathname.slice('/v1/c/'.length), ad.page, id.slice(1), `${id}A`, 'x'])
      await refuse(token);
    // And an id is no token.
    for (const door of ['i', 'v', 'c']) {
      assert.equal((await report(`${server.base}/v1/${door}/${id}`)).status, 403);
      refused++;
    }
  }
  assert.ok(refused > 3 * 500);
  const { events } = await server.stats();
  assert.equal(events.bad_token, refused);
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.conversions, total.clicks], [undefined, 3]);
});

test('without a counted click: no_click, and the click that comes later counts it', async (t) => {
  const { redis, server, key } = await start(t);
  const { ad, id } = await adOf(server, { clicked: false });
  await report(ad.impression_url);
  await report(ad.viewable_url);
  await convert(server, id, { order: '7', value: '5', currency: 'EUR' });
  let { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.no_click, total.conversions, total['value.EUR']], [1, undefined, undefined]);
  await report(ad.click_url);
  await convert(server, id, { order: '7', value: '5', currency: 'EUR' });
  ({ total } = await countsInRedis(redis, 'spring'));
  assert.deepEqual([total.no_click, total.conversions, total['value.EUR']], [1, 1, 5000000]);
  // A click of an ad that held no click id is not remembered.
  const plain = agedAd(key, 0, { converts: false });
  await report(`${server.base}/v1/c/${plain.token}`);
  await convert(server, plain.id);
  ({ total } = await countsInRedis(redis, 'spring'));
  assert.deepEqual([total.no_click, total.conversions, total.clicks], [2, 1, 2]);
  assert.equal((await server.stats()).events.no_click, 2);
});

test('clicks are remembered for campaigns with a click id alone, and for as long as they are of use', async (t) => {
  const { redis, server } = await start(t);
  const [spring, books] = await server.ads({ slot: ['header', 'post-top'] }, asBrowser);
  await report(spring.impression_url);
  assert.deepEqual(await redis.command('KEYS', 'ad:clicked:*'), []);
  await report(spring.click_url);
  await report(books.click_url);
  const keys = await redis.command('KEYS', 'ad:clicked:*');
  assert.equal(keys.length, 1);
  assert.match(keys[0], /^ad:clicked:\{spring\}:/);
  const kept = (1 + 1 + 30 + 7) * day + 3600000;
  const left = Number(await redis.command('PTTL', keys[0]));
  assert.ok(left > kept - 600000 && left <= kept, String(left));
});

test('view-through: within its window from the serve, where it is on, and a click goes first', async (t) => {
  const { redis, server, key } = await start(t, { options: { 'conversions.view_window': '1d' } });
  const seen = async (ad) => report(`${server.base}/v1/v/${ad.token}`);
  const value = { value: '3', currency: 'EUR' };
  const young = agedAd(key, 0.9 * day), old = agedAd(key, 0.9 * day);
  await seen(young);
  await convert(server, young.id, value);
  await convert(server, young.id, value);
  let { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.conversions, total.conversions_viewed, total.duplicate, total['value.EUR']], [1, 1, 1, 3000000]);
  // What did not come into view leads to nothing, however young.
  await report(`${server.base}/v1/i/${old.token}`);
  await convert(server, old.id, value);
  ({ total } = await countsInRedis(redis, 'spring'));
  assert.deepEqual([total.conversions, total.no_click], [1, 1]);
  await report(`${server.base}/v1/c/${old.token}`);
  await convert(server, old.id, value);
  // A click behind a view-through conversion is remembered beside it.
  await report(`${server.base}/v1/c/${young.token}`);
  await convert(server, young.id, { ...value, order: 'x' });
  await convert(server, young.id, value);
  ({ total } = await countsInRedis(redis, 'spring'));
  assert.deepEqual([total.conversions, total.conversions_viewed, total.duplicate], [3, 1, 2]);
  const reconciled = await server.adctl(['reconcile', '--stats', `${server.admin}/stats`]);
  assert.equal(reconciled.code, 0, reconciled.stdout + reconciled.stderr);
  // What is a part of the conversions is no reason why something did not count.
  const { rows } = JSON.parse((await server.adctl(['report', '--by', 'campaign', '--format', 'json'])).stdout);
  assert.deepEqual([rows[0].conversions, rows[0].filtered], [3, total.duplicate + total.no_click]);
});

test('too late: for the view window, for the click window, and for any click', async (t) => {
  const options = { 'conversions.view_window': '2s', 'conversions.click_window': '1s' };
  const { redis, server, key } = await start(t, { options });
  const viewed = agedAd(key, 3000), clicked = agedAd(key, 0), ancient = agedAd(key, 2 * day);
  await report(`${server.base}/v1/v/${viewed.token}`);
  await convert(server, viewed.id);
  let { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.late, total.no_click, total.conversions], [1, undefined, undefined]);
  await convert(server, ancient.id);
  ({ total } = await countsInRedis(redis, 'spring'));
  assert.equal(total.late, 2);
  await report(`${server.base}/v1/c/${clicked.token}`);
  await convert(server, clicked.id, { order: 'in-time' });
  ({ total } = await countsInRedis(redis, 'spring'));
  assert.equal(total.conversions + total.late, 3, 'it counts, or the machine is slow');
  // An order a try, until the window has passed.
  let tries = 0;
  await until(async () => {
    await convert(server, clicked.id, { order: `late-${tries++}` });
    return (await countsInRedis(redis, 'spring')).total.late > total.late;
  }, { what: 'the window passes', timeout: 20000 });
  assert.equal((await server.stats()).events.late, (await countsInRedis(redis, 'spring')).total.late);
});

test('50 at once over three servers: one; 50 orders at once: 50', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const servers = await startServers({ t, redis, count: 3, options: { 'server.workers': 2, ...patient } });
  const agent = keptAlive(t);
  const all = (id, parameters) =>
    inParallel(50, 50, async (i) => {
      const answer = await convert(servers[i % 3], id, parameters(i), { ...fromServer, agent });
      assert.equal(answer.status, 204);
    });
  for (let round = 1; round <= 3; round++) {
    const { id } = await adOf(servers[0]);
    await all(id, () => ({ value: '0.000001', currency: 'JPY' }));
    await all(id, () => ({ value: '0.000001', currency: 'JPY', order: `same-${round}` }));
    await all(id, (i) => ({ value: '0.01', currency: 'JPY', order: `${round}-${i}` }));
    const { total, sums } = await countsInRedis(redis, 'spring');
    assert.deepEqual([total.conversions, total.duplicate, total['value.JPY']], [52 * round, 98 * round, 500002 * round]);
    assert.deepEqual([sums.conversions, sums['value.JPY']], [total.conversions, total['value.JPY']]);
    const { events, campaigns } = await statsOfAll(servers);
    assert.deepEqual([campaigns.spring.conversions, events.duplicate], [52 * round, 98 * round]);
  }
});

test('sums of many values are exact, in each currency', async (t) => {
  const { redis, server } = await start(t);
  const agent = keptAlive(t, 16);
  const expected = { EUR: 0n, USD: 0n, KWD: 0n };
  const ids = await inParallel(10, 5, () => adOf(server).then(({ id }) => id));
  let state = 12345n;
  const random = () => (state = (state * 6364136223846793005n + 1442695040888963407n) % (1n << 64n)) >> 20n;
  const values = Array.from({ length: 600 }, (_, i) => {
    const currency = Object.keys(expected)[i % 3];
    const micro = i % 10 === 0 ? 10n ** 15n - BigInt(i) : random() % 10n ** BigInt(1 + (i % 13));
    expected[currency] += micro;
    return { currency, value: `${micro / 1000000n}.${String(micro % 1000000n).padStart(6, '0')}`, order: `o${i}` };
  });
  await inParallel(600, 16, async (i) => {
    const answer = await convert(server, ids[i % 10], values[i], { ...fromServer, agent });
    assert.equal(answer.status, 204);
  });
  const exact = async (key, field) => BigInt(await redis.command('HGET', key, field));
  for (const [currency, sum] of Object.entries(expected)) {
    assert.ok(sum > 2n ** 53n, 'beyond what a float holds');
    assert.equal(await exact('ad:total:{spring}', `value.${currency}`), sum, currency);
    const hours = await redis.command('KEYS', 'ad:count:{spring}:*');
    let inHours = 0n;
    for (const hour of hours) inHours += BigInt((await redis.command('HGET', hour, `spring-970|header|value.${currency}`)) ?? 0);
    assert.equal(inHours, sum, currency);
  }
  assert.equal((await countsInRedis(redis, 'spring')).total.conversions, 600);
});

test('bounds: 100 conversions of one click, and what a sum holds; the rest is excess', async (t) => {
  const { redis, server } = await start(t);
  const agent = keptAlive(t, 16);
  const { id } = await adOf(server);
  await inParallel(130, 16, (i) => convert(server, id, { order: String(i) }, { ...fromServer, agent }));
  let { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.conversions, total.excess], [100, 30]);
  await redis.command('HSET', 'ad:total:{spring}', 'value.EUR', '8999999999999000000');
  const second = await adOf(server);
  await convert(server, second.id, { order: 'large', value: '1000000000', currency: 'EUR' });
  ({ total } = await countsInRedis(redis, 'spring'));
  assert.deepEqual([total.conversions, total.excess, total.impressions], [100, 31, 2]);
  assert.equal((await server.stats()).events.excess, 31);
});

test('Redis away: click and conversion are spooled, in their order, and counted after', async (t) => {
  const { redis, server } = await start(t, { conf: { appendonly: 'yes' } });
  const first = await adOf(server);
  const [ad] = await server.ads({ slot: 'header' }, asBrowser);
  await redis.kill('SIGTERM');
  await until(async () => !(await server.stats()).redis.connected, { what: 'the server knows' });
  const clicked = await report(ad.click_url);
  assert.equal(clicked.status, 302);
  const id = clickIdOf(clicked.headers.location);
  for (const one of [first.id, id])
    for (let i = 0; i < 2; i++)
      assert.equal((await convert(server, one, { value: '12.5', currency: 'EUR', order: one.slice(-8) })).status, 204);
  const away = await server.stats();
  assert.equal(away.events.spooled, 5);
  await redis.start();
  await until(async () => (await server.stats()).events.duplicate === 2, { what: 'the spool is through', timeout: 20000 });
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.clicks, total.conversions, total.duplicate, total['value.EUR']], [2, 2, 2, 25000000]);
  const { events, campaigns } = await server.stats();
  assert.deepEqual([campaigns.spring.conversions, events.duplicate], [2, 2]);
});

test('ids outlive a rotation of the key; tokens do for page_ttl', async (t) => {
  const { redis, server } = await start(t);
  const { id } = await adOf(server);
  const rotated = await server.adctl(['keys', 'rotate']);
  assert.equal(rotated.code, 0, rotated.stderr);
  assert.match(rotated.stdout, /good for 24 h more, for click ids 744 h$/m);
  await until(async () => (await adOf(server)).id.slice(0, 6) !== id.slice(0, 6), { what: 'the new key signs' });
  assert.equal((await convert(server, id)).status, 204);
  assert.equal((await countsInRedis(redis, 'spring')).total.conversions, 1);
});

test('in html, too: {click_id} beside links of its own', async (t) => {
  const { redis, server } = await start(t);
  await redis.command('DEL', 'ad:creative:spring-970');
  await importCatalog(redis, {
    campaigns: [{
      id: 'spring', slots: 'header',
      creatives: [{
        id: 'spring-970', type: 'html', size: '970x250', landing: 'https://shop.example/',
        html: '<a href="{click_url}">a</a><a href="{click_url:url=https://shop.example/b}" id="{click_id}" rel="{click_id:html}" rev="{click_id:url}">b</a>',
      }],
    }],
  });
  const ad = await until(async () => {
    const [found] = await server.ads({ slot: 'header' }, asBrowser);
    return found.html && found;
  }, { what: 'the html is served' });
  const [, id] = /id="([^"]+)"/.exec(ad.html);
  assert.ok(ad.html.includes(`rel="${id}" rev="${id}"`));
  const own = decodeURIComponent(/https?%3A[^"]+/.exec(ad.html)[0]);
  assert.equal((await report(own)).headers.location, 'https://shop.example/b');
  await convert(server, id);
  assert.equal((await countsInRedis(redis, 'spring')).total.conversions, 1);
});
