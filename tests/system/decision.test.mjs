// Ad requests over HTTP: what is asked, what is chosen, what is answered.
import assert from 'node:assert/strict';
import test from 'node:test';
import { importCatalog, request, setCampaign, setHash, smallCatalog, startRedis, startServer, until } from '../lib/harness.mjs';
import { inParallel, keptAlive } from '../lib/traffic.mjs';

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };

async function start(t, catalog = smallCatalog, options) {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const server = await startServer({ t, redis, options });
  return { redis, server };
}

// Campaigns with one creative of the same id each, on the slot `header`.
const campaigns = (...list) => list.map(({ creatives, ...fields }) => ({ slots: 'header', creatives: creatives ?? [{ id: fields.id, ...picture }], ...fields }));
const headerAnd = (...list) => ({ slots: [{ id: 'header', name: 'Header' }], campaigns: campaigns(...list) });

const winner = async (server, query = {}) => (await server.ads({ slot: 'header', ...query }))[0].campaign;

async function change(server, action) {
  const { catalog } = await server.stats();
  await action();
  await until(async () => (await server.stats()).catalog.revision !== catalog.revision, { what: 'the change is live' });
}

test('an ad as the contract shows it', async (t) => {
  const { server } = await start(t);
  const answer = await server.get('/v1/ads?slot=header&slot=post-top&slot=nowhere');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['access-control-allow-origin'], '*');
  assert.equal(answer.headers['access-control-allow-credentials'], undefined);
  assert.equal(answer.headers['set-cookie'], undefined);
  const { request: id, ads, ...rest } = answer.json();
  assert.deepEqual(rest, {});
  assert.match(id, /^[0-9a-f]{20,}$/);
  const { click_url: click, impression_url: impression, viewable_url: viewable, page, ...ad } = ads[0];
  assert.match(page, /^[A-Za-z0-9_-]{40,}$/);
  assert.deepEqual(ad, {
    slot: 'header',
    campaign: 'spring',
    creative: 'spring-970',
    type: 'image',
    width: 970,
    height: 250,
    image: 'https://pictures.example/spring-970.png',
    alt: 'Spring',
  });
  for (const [url, kind] of [[click, 'c'], [impression, 'i'], [viewable, 'v']]) assert.match(url, new RegExp(`^${server.base}/v1/${kind}/[A-Za-z0-9_-]+$`));
  assert.equal(ads[1].campaign, 'books');
  assert.deepEqual(ads[2], { slot: 'nowhere', unfilled: 'unknown_slot' });
  const ids = new Set();
  for (let i = 0; i < 50; i++) ids.add((await server.get('/v1/ads?slot=header')).json().request);
  assert.equal(ids.size, 50);
});

test('creatives of text and of html', async (t) => {
  const text = { id: 'words', type: 'text', title: 'A <b>title</b>', body: 'Körper & "Geist"', cta: 'Go', landing: 'https://shop.example/' };
  const html = { id: 'markup', type: 'html', size: '300x250', html: '<a href="{click_url}">x</a><script>var s = "</script>"; {a:1}</script>{click_url}' };
  const { server } = await start(t, {
    slots: [
      { id: 'header', name: 'Header' },
      { id: 'side', name: 'Side' },
    ],
    campaigns: [
      { id: 'words', slots: 'header', creatives: [text] },
      { id: 'markup', slots: 'side', creatives: [{ ...html, landing: 'https://shop.example/' }] },
    ],
  });
  const answer = await server.get('/v1/ads?slot=header&slot=side');
  const [words, markup] = answer.json().ads;
  assert.deepEqual([words.type, words.title, words.body, words.cta], ['text', text.title, text.body, text.cta]);
  assert.equal(markup.type, 'html');
  assert.equal(markup.html, html.html.replaceAll('{click_url}', markup.click_url));
  assert.ok(!answer.text.includes('<script') && !answer.text.includes('</'), 'safe inside a script element');
});

test('tiers are strict: a lower one gets what the higher ones leave', async (t) => {
  const tiers = ['house', 'remnant', 'standard', 'sponsorship'];
  const { redis, server } = await start(t, headerAnd(...tiers.map((tier) => ({ id: tier, tier, weight: tier === 'house' ? 1000000 : 1 }))));
  for (const tier of [...tiers].reverse()) {
    for (let i = 0; i < 20; i++) assert.equal(await winner(server), tier);
    await change(server, () => redis.command('HSET', `ad:campaign:${tier}`, 'status', tier === 'house' ? 'archived' : 'paused'));
  }
  const [ad] = await server.ads({ slot: 'header' });
  assert.deepEqual(ad, { slot: 'header', unfilled: 'inactive' });
});

test('weights 1:2:7, among campaigns and among creatives', async (t) => {
  const weighted = [1, 2, 7].map((weight) => ({ id: `w${weight}`, weight, creatives: [1, 2, 7].map((w) => ({ id: `w${weight}-${w}`, weight: w, ...picture })) }));
  const { server } = await start(t, headerAnd(...weighted), { 'server.workers': 2 });
  const agent = keptAlive(t, 8);
  const draws = 4000;
  const chosen = await inParallel(draws, 8, async () => (await server.ads({ slot: 'header' }, { agent }))[0]);
  for (const name of [(ad) => ad.campaign.slice(1), (ad) => ad.creative.split('-')[1]]) {
    const counts = { 1: 0, 2: 0, 7: 0 };
    for (const ad of chosen) counts[name(ad)]++;
    const chi = [1, 2, 7].reduce((sum, weight) => sum + (counts[weight] - (draws * weight) / 10) ** 2 / ((draws * weight) / 10), 0);
    t.diagnostic(`${JSON.stringify(counts)}: chi-square ${chi.toFixed(2)}`);
    assert.ok(chi < 27.6, `chi-square ${chi}: p < 0.000001`); // 2 degrees of freedom
  }
});

test('sizes: of the slot, and of the width that is there', async (t) => {
  const creatives = ['970x250', '728x90', '320x50'].map((size) => ({ id: `c-${size}`, ...picture, size }));
  const { redis, server } = await start(t, {
    slots: [{ id: 'header', sizes: '970x250,728x90,320x50' }, { id: 'narrow', sizes: '728x90' }, { id: 'odd', sizes: '300x250' }],
    campaigns: [{ id: 'sizes', slots: '*', creatives }],
  });
  const widths = async (slot) => {
    const found = new Set();
    for (let i = 0; i < 40; i++) found.add((await server.ads({ slot }))[0].width);
    return [...found].sort((a, b) => a - b);
  };
  assert.deepEqual(await widths('header'), [320, 728, 970]);
  assert.deepEqual(await widths('header:0'), [320, 728, 970], 'width not known');
  assert.deepEqual(await widths('header:970'), [320, 728, 970]);
  assert.deepEqual(await widths('header:969'), [320, 728]);
  assert.deepEqual(await widths('header:728'), [320, 728]);
  assert.deepEqual(await widths('header:727'), [320]);
  assert.deepEqual(await server.ads({ slot: 'header:319' }), [{ slot: 'header', unfilled: 'size' }]);
  assert.deepEqual(await widths('narrow'), [728]);
  assert.deepEqual(await server.ads({ slot: 'odd' }), [{ slot: 'odd', unfilled: 'size' }]);
  await change(server, () => redis.command('HSET', 'ad:slot:odd', 'status', 'paused'));
  assert.deepEqual(await server.ads({ slot: 'odd' }), [{ slot: 'odd', unfilled: 'inactive' }]);
});

test('no campaign twice on a page, so no creative either', async (t) => {
  const slots = ['a', 'b', 'c', 'd'].map((id) => ({ id, name: id }));
  const several = (id) => ({ id, slots: '*', creatives: [1, 2].map((n) => ({ id: `${id}-${n}`, ...picture })) });
  const { server } = await start(t, { slots, campaigns: ['one', 'two', 'three'].map(several) });
  for (let i = 0; i < 50; i++) {
    const ads = await server.ads({ slot: ['a', 'b', 'c', 'd'] });
    assert.deepEqual(ads.slice(0, 3).map((ad) => ad.campaign).sort(), ['one', 'three', 'two']);
    assert.deepEqual(ads[3], { slot: 'd', unfilled: 'on_page' });
  }
  const twice = await server.ads({ slot: ['a', 'a'] });
  assert.equal(new Set(twice.map((ad) => ad.campaign)).size, 2, 'also in one slot asked twice');
});

test('domains of a slot', async (t) => {
  const { server } = await start(t, { slots: [{ id: 'header', domains: 'blog.example' }], campaigns: campaigns({ id: 'any' }) });
  const reason = async (query) => (await server.ads({ slot: 'header', ...query }))[0].unfilled;
  assert.equal(await reason({ url: 'https://blog.example/a' }), undefined);
  assert.equal(await reason({ url: 'https://WWW.Blog.Example:8443/a' }), undefined);
  for (const url of ['https://other.example/', 'https://blog.example.evil.example/', 'https://notblog.example/']) assert.equal(await reason({ url }), 'domain', url);
  assert.equal(await reason({}), 'domain');
});

// ---- Dates -------------------------------------------------------------------------------------------------

// The wall clock of a zone, as a campaign manager writes it.
function inZone(zone, date) {
  const parts = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(date);
  return parts.replace(' ', 'T');
}

test("start and end are in the campaign's zone", async (t) => {
  const { redis, server } = await start(t, headerAnd({ id: 'dated' }));
  const fields = async (values) =>
    change(server, async () => {
      await redis.client.pipeline([['MULTI'], ['HDEL', 'ad:campaign:dated', 'start', 'end', 'timezone'], ['HSET', 'ad:campaign:dated', ...Object.entries(values).flat()], ['EXEC']]);
    });
  const from = (minutes) => new Date(Date.now() + minutes * 60000);
  for (const timezone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Kiritimati']) {
    const at = (minutes) => inZone(timezone, from(minutes));
    await fields({ timezone, start: at(-5), end: at(5) });
    assert.equal(await winner(server), 'dated', timezone);
    await fields({ timezone, start: at(5) });
    assert.deepEqual(await server.ads({ slot: 'header' }), [{ slot: 'header', unfilled: 'not_started' }], timezone);
    await fields({ timezone, end: at(-5) });
    assert.deepEqual(await server.ads({ slot: 'header' }), [{ slot: 'header', unfilled: 'ended' }], timezone);
  }
  // A time that names its own offset means that, whatever the zone.
  await fields({ timezone: 'Asia/Kathmandu', start: from(-5).toISOString(), end: from(5).toISOString() });
  assert.equal(await winner(server), 'dated');
});

test('a campaign starts and ends at the very second', async (t) => {
  const { redis, server } = await start(t, headerAnd({ id: 'house', tier: 'house' }));
  const begin = Math.ceil(Date.now() / 1000) * 1000 + 1000;
  const end = begin + 1000;
  const iso = (ms) => new Date(ms).toISOString();
  await change(server, async () => {
    await setHash(redis, 'ad:creative:second', { campaign: 'second', ...picture });
    await redis.command('SADD', 'ad:creatives', 'second');
    await setCampaign(redis, 'second', { slots: 'header', start: iso(begin), end: iso(end) });
  });
  const agent = keptAlive(t, 1);
  let [before, during, after] = [0, 0, 0];
  while (Date.now() < end + 300) {
    const asked = Date.now();
    const [{ campaign }] = await server.ads({ slot: 'header' }, { agent });
    const answered = Date.now();
    if (campaign === 'second') {
      assert.ok(answered >= begin, `served ${begin - answered} ms before its start`);
      assert.ok(asked < end, `served ${asked - end} ms after its end`);
      during++;
    } else {
      assert.ok(asked <= begin || answered >= end, 'not served though it runs');
      if (answered < begin) before++;
      if (asked >= end) after++;
    }
  }
  assert.ok(before > 0 && during > 0 && after > 0, `${before}, ${during}, ${after}`);
});

// ---- Parameters --------------------------------------------------------------------------------------------

test('an unknown slot: 404 when it is the only one', async (t) => {
  const { server } = await start(t);
  const alone = await server.get('/v1/ads?slot=nowhere');
  assert.equal(alone.status, 404);
  assert.equal(alone.json().error.code, 'unknown_slot');
  assert.equal(alone.headers['access-control-allow-origin'], '*');
  assert.equal(alone.headers['cache-control'], 'no-store');
  assert.deepEqual(await server.ads({ slot: ['nowhere', 'header', 'elsewhere'] }).then((ads) => ads.map((ad) => ad.unfilled)), ['unknown_slot', undefined, 'unknown_slot']);
  assert.deepEqual(await server.ads({ slot: ['nowhere', 'elsewhere'] }).then((ads) => ads.map((ad) => ad.unfilled)), ['unknown_slot', 'unknown_slot']);
});

test('malformed parameters: 400 naming the parameter', async (t) => {
  const { server } = await start(t);
  const bad = {
    '': 'slot',
    'slot=': 'slot',
    'slot=Header': 'slot',
    'slot=header:x': 'slot',
    'slot=header:70000': 'slot',
    [Array(17).fill('slot=header').join('&')]: 'slot',
    'slot=header&uid=short': 'uid',
    'slot=header&url=blog': 'url',
    'slot=header&kw=%zz': 'query',
    [`slot=header&kw=${'x'.repeat(513)}`]: 'kw',
    [`slot=header&ref=${'x'.repeat(2049)}`]: 'ref',
    'slot=header&kv.=x': 'kv.',
    'slot=header&preview=x': 'preview',
  };
  for (const [query, name] of Object.entries(bad)) {
    const answer = await server.get(`/v1/ads?${query}`);
    assert.equal(answer.status, 400, query);
    assert.equal(answer.headers['content-type'], 'application/json');
    const { error } = answer.json();
    assert.equal(error.code, 'bad_parameter');
    assert.ok(error.message.startsWith(`${name}: `), `${query}: ${error.message}`);
  }
  const { responses, slots } = await server.stats();
  assert.equal(responses['400'], Object.keys(bad).length);
  assert.deepEqual(slots.header ?? { requests: 0 }, { ...slots.header, requests: 0 });
});

test('POST with a JSON body asks the same', async (t) => {
  const { server } = await start(t);
  const post = (body, headers = {}) => server.get('/v1/ads', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers });
  const strip = (answer) => answer.json().ads.map(({ click_url: c, impression_url: i, viewable_url: v, page, ...ad }) => ad);
  const get = await server.get('/v1/ads?slot=header:970&slot=post-top&slot=nowhere&url=https://blog.example/&uid=viewer-0001&kv.a=b');
  const same = await post({ slot: ['header:970', 'post-top', 'nowhere'], url: 'https://blog.example/', uid: 'viewer-0001', 'kv.a': 'b' });
  assert.equal(same.status, 200);
  assert.deepEqual(strip(same), strip(get));
  assert.deepEqual(strip(await post({ slot: 'header', later: { x: 1 } })), strip(await server.get('/v1/ads?slot=header')));
  assert.equal((await post({ slot: 'nowhere' })).status, 404);
  for (const [body, name] of [['', 'body'], ['{', 'body'], ['[]', 'body'], ['{"slot":1}', 'slot'], ['{}', 'slot'], ['{"slot":"header","uid":"x"}', 'uid'], ['{"slot":"header","slot":"header"}', 'body']]) {
    const answer = await post(body);
    assert.equal(answer.status, 400, body);
    assert.ok(answer.json().error.message.startsWith(`${name}: `), `${body}: ${answer.text}`);
  }
});

test('preflights and methods', async (t) => {
  const { server } = await start(t);
  const preflight = await server.get('/v1/ads', { method: 'OPTIONS', headers: { Origin: 'https://blog.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers['access-control-allow-origin'], '*');
  assert.match(preflight.headers['access-control-allow-methods'], /POST/);
  assert.match(preflight.headers['access-control-allow-headers'], /^\*$|content-type/i);
  assert.equal(preflight.headers['access-control-allow-credentials'], undefined);
  const wrong = await server.get('/v1/ads?slot=header', { method: 'DELETE' });
  assert.equal(wrong.status, 405);
  assert.match(wrong.headers.allow, /GET/);
  const head = await server.get('/v1/ads?slot=header', { method: 'HEAD' });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  assert.ok(Number(head.headers['content-length']) > 100);
});

test('the tag: small, cacheable, told apart by its ETag', async (t) => {
  const { server } = await start(t);
  const tag = await server.get('/tag.js');
  assert.equal(tag.status, 200);
  assert.match(tag.headers['content-type'], /javascript/);
  assert.match(tag.headers['cache-control'], /max-age=3600/);
  assert.equal((await server.get('/tag.js', { headers: { 'If-None-Match': tag.headers.etag } })).status, 304);
  assert.equal((await server.get('/tag.js', { headers: { 'If-None-Match': `W/"x", W/${tag.headers.etag}` } })).status, 304);
  assert.equal((await server.get('/tag.js', { headers: { 'If-None-Match': '"other"' } })).status, 200);
  assert.equal((await request(`${server.base}/tag.js`, { method: 'HEAD' })).headers['content-length'], String(tag.body.length));
});
