// Targeting from the wire to the answer: what a request says of its page and viewer decides.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { importCatalog, repository, startRedis, startServer } from '../lib/harness.mjs';
import { folder } from '../lib/places.mjs';

const countries = path.join(repository, 'node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb');
const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };

// ---- Requests: { query, headers } ------------------------------------------------------------------

const from = (address) => ({ headers: { 'X-Forwarded-For': address } });
const page = (url) => ({ query: { url } });
const asking = (query) => ({ query });
const speaking = (languages) => ({ headers: { 'Accept-Language': languages } });
const agent = (text) => ({ headers: { 'User-Agent': text } });
const hints = (brand, mobile, platform) => ({
  headers: {
    'User-Agent': 'Mozilla/5.0',
    'Sec-CH-UA': `"Chromium";v="124", "${brand}";v="124", "Not-A.Brand";v="99"`,
    'Sec-CH-UA-Mobile': mobile,
    'Sec-CH-UA-Platform': `"${platform}"`,
  },
});

const blink = 'AppleWebKit/537.36 (KHTML, like Gecko)';
const webkit = 'AppleWebKit/605.1.15 (KHTML, like Gecko)';
const windows = agent(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${blink} Chrome/124.0.0.0 Safari/537.36`);
const phone = agent(`Mozilla/5.0 (Linux; Android 10; K) ${blink} Chrome/124.0.0.0 Mobile Safari/537.36`);
const tablet = agent(`Mozilla/5.0 (Linux; Android 13; SM-X906C) ${blink} Chrome/124.0.0.0 Safari/537.36`);
const iphone = agent(`Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) ${webkit} Version/17.4.1 Mobile/15E148 Safari/604.1`);
const firefox = agent('Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0');
const unknown = { headers: { 'User-Agent': '' } };
const nothing = {};

// The hour `from` hours on from now, in UTC, as the field has it: two hours, so that the test may cross into the second.
const hoursFrom = (offset) => {
  const hour = (count) => String((new Date().getUTCHours() + count) % 24).padStart(2, '0');
  return `${hour(offset)}-${hour(offset + 2)}`;
};

// Field, value, requests that it lets through, requests that it stops; the reason has the field's word.
const rules = [
  ['countries', 'DE,GB', [from('198.51.100.1'), from('81.2.69.160'), from('203.0.113.99, 198.51.100.1')], [from('203.0.113.1'), from('10.0.0.1'), nothing]],
  ['countries', '!DE', [from('81.2.69.160'), from('2001:db8:1::1')], [from('198.51.100.1'), from('10.0.0.1'), nothing]],
  ['regions', 'DE-BY,US-CA', [from('198.51.100.1'), from('2001:db8:1::1')], [from('198.51.100.200'), from('203.0.113.1'), nothing]],
  ['regions', '!DE-BY', [from('198.51.100.200')], [from('198.51.100.1'), from('203.0.113.1'), nothing]],
  ['devices', 'mobile', [phone, iphone, hints('Google Chrome', '?1', 'Android')], [windows, tablet, hints('Google Chrome', '?0', 'Windows'), unknown]],
  ['devices', '!mobile', [windows, tablet, hints('Google Chrome', '?0', 'macOS')], [phone, hints('Google Chrome', '?1', 'Android'), unknown]],
  ['devices', 'tablet', [tablet], [phone, windows]],
  ['browsers', 'chrome,firefox', [windows, firefox, hints('Google Chrome', '?0', 'Linux')], [iphone, hints('Opera', '?0', 'Linux'), hints('Brave', '?0', 'Linux'), unknown]],
  ['browsers', '!safari', [windows, hints('Microsoft Edge', '?0', 'Windows')], [iphone, unknown]],
  ['os', 'ios,macos', [iphone, hints('Google Chrome', '?0', 'macOS')], [windows, phone, firefox, unknown]],
  ['os', '!windows', [iphone, firefox], [windows, hints('Google Chrome', '?0', 'Windows'), unknown]],
  ['languages', 'de,pt-BR', [speaking('de-AT,en;q=0.9'), speaking('en;q=0.5, pt-BR')], [speaking('en,de;q=0.9'), speaking('pt-PT'), speaking('*'), nothing]],
  ['languages', '!en', [speaking('de, en')], [speaking('en-GB, de;q=0.9'), nothing]],
  ['domains', 'blog.example', [page('https://Blog.Example/'), page('https://www.blog.example./a')], [page('https://notblog.example/'), nothing]],
  ['domains', '!blog.example', [page('https://other.example/')], [page('https://www.blog.example/'), nothing]],
  ['paths', '/garden/*,!/garden/private/*', [page('https://a.example/garden/tulips?x=1')], [page('https://a.example/garden/private/x'), page('https://a.example'), nothing]],
  ['paths', '/', [page('https://a.example'), page('https://a.example/?q=/a'), page('https://a.example#a')], [page('https://a.example/a'), nothing]],
  ['referrers', 'search.example', [asking({ ref: 'https://www.Search.example/?q=a' })], [asking({ ref: 'https://other.example/' }), asking({ ref: 'about:blank' }), nothing]],
  ['referrers', '!search.example', [asking({ ref: 'https://other.example/' }), nothing], [asking({ ref: 'https://search.example/' })]],
  ['keywords', 'spring time,garden', [asking({ kw: 'roses, Garden' }), asking({ kw: 'SPRING TIME' })], [asking({ kw: 'spring' }), nothing]],
  ['keywords', '!war', [asking({ kw: 'peace' }), nothing], [asking({ kw: 'peace,war' })]],
  ['kv.section', 'news', [asking({ 'kv.section': 'news' }), asking({ 'kv.section': ['local', 'news'] })], [asking({ 'kv.section': 'local' }), asking({ 'kv.part': 'news' }), nothing]],
  ['kv.section', '!news', [asking({ 'kv.section': 'local' }), nothing], [asking({ 'kv.section': 'news' })]],
  ['hours', hoursFrom(0), [nothing], []],
  ['hours', hoursFrom(6), [], [nothing]],
  ['hours', `!${hoursFrom(0)}`, [], [nothing]],
];

const reasons = { countries: 'country', regions: 'region', devices: 'device', browsers: 'browser', languages: 'language', domains: 'domain', paths: 'path', referrers: 'referrer', keywords: 'keyword' };
const reasonOf = (field) => (field.startsWith('kv.') ? 'kv' : (reasons[field] ?? field));

// A slot for each rule, and in it one campaign with that rule alone.
const catalog = {
  slots: rules.map((_, i) => ({ id: `slot-${i}`, name: `Slot ${i}` })),
  campaigns: rules.map(([field, value], i) => ({ id: `rule-${i}`, slots: `slot-${i}`, [field]: value, creatives: [{ id: `picture-${i}`, ...picture }] })),
};

async function start(t, database) {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  return startServer({ t, redis, options: { 'server.trusted_proxies': '127.0.0.0/8', 'geo.database': database } });
}

const outcome = async (server, slot, { query, headers }) => {
  const [ad] = await server.ads({ slot, ...query }, { headers });
  return ad.unfilled ?? ad.campaign;
};

test('each rule alone', async (t) => {
  const server = await start(t, path.join(folder, 'city.mmdb'));
  for (const [i, [field, value, through, stopped]] of rules.entries())
    await t.test(`${field} ${value}`, async () => {
      for (const asked of through) assert.equal(await outcome(server, `slot-${i}`, asked), `rule-${i}`, JSON.stringify(asked));
      for (const asked of stopped) assert.equal(await outcome(server, `slot-${i}`, asked), reasonOf(field), JSON.stringify(asked));
    });
});

test('a country file of the public', async (t) => {
  const server = await start(t, countries);
  const slot = (field, value) => `slot-${rules.findIndex((rule) => rule[0] === field && rule[1] === value)}`;
  for (const [address, country] of [['193.0.6.139', 'NL'], ['2001:67c:2e8:22::c100:68b', 'NL'], ['53.1.2.3', 'DE'], ['127.0.0.1', ''], ['192.168.1.1', '']]) {
    const german = await outcome(server, slot('countries', 'DE,GB'), from(address));
    const other = await outcome(server, slot('countries', '!DE'), from(address));
    assert.equal(german.startsWith('rule'), country === 'DE', `${address}: ${german}`);
    assert.equal(other.startsWith('rule'), country !== 'DE' && country !== '', `${address}: ${other}`);
    assert.equal(await outcome(server, slot('regions', '!DE-BY'), from(address)), 'region', 'it knows no regions');
  }
});

test('the same as JSON', async (t) => {
  const server = await start(t, path.join(folder, 'city.mmdb'));
  const at = (field) => `slot-${rules.findIndex((rule) => rule[0] === field)}`;
  const slots = ['paths', 'referrers', 'keywords', 'kv.section'].map(at);
  const body = { slot: slots, url: 'https://a.example/garden/%74', ref: 'https://search.example/', kw: ' garden ,x', 'kv.section': 'news' };
  const answer = await server.get('/v1/ads', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  assert.deepEqual(answer.json().ads.map((ad) => ad.campaign), slots.map((slot) => slot.replace('slot', 'rule')));
});
