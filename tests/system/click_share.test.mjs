// Addresses that click on more of a slot's impressions than people do (bots.click_share): kept apart from
// the click on that passes the share, over all servers, and nobody else.
import assert from 'node:assert/strict';
import test from 'node:test';
import { adctl, importCatalog, request, smallCatalog, startRedis, until } from '../lib/harness.mjs';
import { startCluster } from '../lib/redis_ha.mjs';
import { browser, countsInRedis, inParallel, keptAlive, patient, report, startServers, statsOfAll } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

const ads = {
  header: { campaign: 'spring', creative: 'spring-970', slot: 'header', landing: 'https://shop.example/' },
  'post-top': { campaign: 'books', creative: 'books-728', slot: 'post-top', landing: 'https://books.example/' },
};
const shared = { ...patient, 'server.workers': 2, 'server.trusted_proxies': '127.0.0.1', 'bots.click_share': 50, 'bots.click_share_from': 10 };

async function start(t, { redis, count = 3, options, ...settings } = {}) {
  redis ??= await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const servers = await startServers({ t, redis, count, options: { ...shared, ...options }, ...settings });
  const key = newestKey(servers[0].options['tokens.keyring']);
  const agent = keptAlive(t, 16);
  let turn = 0;
  // Reports one event of each token, at all servers in turn, 16 at a time.
  const send = (kind, tokens, address, headers = {}) =>
    inParallel(tokens.length, 16, async (i) => {
      const { base } = servers[turn++ % servers.length];
      const answer = await report(`${base}/v1/${kind}/${tokens[i]}`, { agent, headers: { 'X-Forwarded-For': address, ...headers } });
      assert.equal(answer.status, kind === 'c' ? 302 : 204);
      return answer;
    });
  const tokens = (number, slot = 'header') => Array.from({ length: number }, () => signToken(key, ads[slot]));
  const keys = () => redis.command('KEYS', 'ad:shares:*');
  // The impressions of a slot as the addresses there are have them.
  const seen = async (slot = 'header') => {
    const names = await keys();
    const all = await Promise.all(names.map((name) => redis.command('HGET', name, slot)));
    return all.reduce((sum, n) => sum + Number(n ?? 0), 0);
  };
  const see = async (list, address, { slot = 'header', headers } = {}) => {
    const before = await seen(slot);
    await send('i', list, address, headers);
    await until(async () => (await seen(slot)) === before + list.length, { what: 'the impressions of the address are known' });
  };
  const total = async (campaign = 'spring') => (await countsInRedis(redis, campaign)).total;
  return { redis, servers, key, agent, send, see, tokens, keys, seen, total };
}

// Other options, and other workers, all of them there.
async function reload(server, options) {
  const { workers } = await server.stats();
  server.reconfigure(options);
  await until(async () => (await server.stats()).workers.every(({ pid }) => workers.every((old) => old.pid !== pid)), { what: 'other workers' });
}

test('half of the impressions may be clicked: of clicks at once at several servers exactly so many count', async (t) => {
  const { redis, servers, send, see, tokens, keys, total } = await start(t);
  const all = tokens(60);
  await see(all, '198.51.100.7');
  const answers = await send('c', all, '198.51.100.7');
  assert.ok(answers.every(({ headers }) => headers.location === ads.header.landing), 'readers get where they go');
  assert.deepEqual(await total(), { impressions: 60, clicks: 30, click_share: 30 });
  // From there on, though there are impressions again, and repeated or not.
  const more = tokens(200);
  await see(more, '198.51.100.7');
  await send('c', [...all.slice(0, 5), ...more.slice(0, 5)], '198.51.100.7');
  assert.deepEqual(await total(), { impressions: 260, clicks: 30, click_share: 40 });
  // In that slot and at that address alone.
  const elsewhere = tokens(20, 'post-top');
  await see(elsewhere, '198.51.100.7', { slot: 'post-top' });
  await send('c', elsewhere.slice(0, 10), '198.51.100.7');
  assert.deepEqual(await total('books'), { impressions: 20, clicks: 10 });
  const others = tokens(20);
  await see(others, '198.51.100.8');
  await send('c', others.slice(0, 10), '198.51.100.8');
  assert.deepEqual(await total(), { impressions: 280, clicks: 40, click_share: 40 });

  // Told everywhere, under one word; gross is net and the reasons.
  const { events } = await statsOfAll(servers);
  assert.deepEqual([events.click_share, events.counted], [40, 280 + 40 + 20 + 10]);
  const metrics = await Promise.all(servers.map(({ admin }) => request(`${admin}/metrics`)));
  const told = metrics.map(({ text }) => Number(/^masthead_events_total\{result="click_share"\} (\d+)$/m.exec(text)[1]));
  assert.equal(told.reduce((sum, n) => sum + n), 40);
  const { fields } = await countsInRedis(redis, 'spring');
  assert.deepEqual(fields, { 'spring-970|header|impressions': 280, 'spring-970|header|clicks': 40, 'spring-970|header|click_share': 40 });
  const { stdout } = await adctl(['report', '--campaign', 'spring', '--by', 'slot', '--format', 'json'], { redis });
  assert.match(stdout, /"click_share": ?40/);

  // What Redis holds names nobody, and ends within the hour.
  const names = await keys();
  assert.equal(names.length, 2);
  for (const name of names) {
    assert.match(name, /^ad:shares:\{[\w-]{12}\}$/);
    const left = await redis.command('PTTL', name);
    assert.ok(left > 0 && left <= 3600000);
    const text = JSON.stringify(await redis.client.hash(name));
    assert.doesNotMatch(text, /198|100\.[78]/);
  }
  await redis.command('DEL', ...names);
  await send('c', tokens(9), '198.51.100.7');
  assert.deepEqual(await total(), { impressions: 289, clicks: 49, click_share: 40 }, 'another window');
});

test('a /64 is one address; before bots.click_share_from nothing is asked; a click without impression brings one', async (t) => {
  const { send, see, tokens, total } = await start(t);
  const hosts = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:2:1234:5678:9abc:def0'];
  const all = tokens(30);
  for (const [i, host] of hosts.entries()) await see(all.slice(10 * i, 10 * i + 10), host);
  for (const [i, host] of hosts.entries()) await send('c', all.slice(10 * i, 10 * i + 6), host);
  assert.deepEqual(await total(), { impressions: 30, clicks: 15, click_share: 3 });
  await send('c', tokens(9), '2001:db8:1:3::1');
  assert.deepEqual(await total(), { impressions: 39, clicks: 24, click_share: 3 }, 'a neighbour');
  // With 9 clicks of 9 impressions of its own the tenth is one too many.
  await send('c', tokens(3), '2001:db8:1:3::1');
  assert.deepEqual(await total(), { impressions: 39, clicks: 24, click_share: 6 });
});

test('an office of many readers behind one address, some of them impatient, is not flagged', async (t) => {
  const { servers, send, see, tokens, total } = await start(t);
  const address = '203.0.113.1';
  let clicked = 0;
  let again = 0;
  for (let reader = 0; reader < 60; reader++) {
    const headers = { 'User-Agent': `${browser} reader/${reader}` };
    const pages = tokens(8);
    await see(pages, address, { headers });
    if (reader % 3) continue; // 1 click in 24 impressions: several times what is usual
    clicked++;
    again += reader % 2 ? 4 : 0;
    for (let i = 0; i < (reader % 2 ? 5 : 1); i++) await send('c', [pages[reader % 8]], address, headers);
  }
  // One reader at home, who clicks all that he sees, and each twice.
  const home = tokens(9);
  await see(home, '203.0.113.2');
  for (const token of home) for (let i = 0; i < 2; i++) await send('c', [token], '203.0.113.2');
  assert.deepEqual(await total(), { impressions: 489, clicks: clicked + 9, duplicate: again + 9 });
  assert.equal((await statsOfAll(servers)).events.click_share, 0);
});

test('the rate of a viewer is counted in the same call, and is the reason where both are passed', async (t) => {
  const { redis, send, see, tokens, total } = await start(t, { options: { 'bots.clicks_per_minute': 12 } });
  const all = tokens(40);
  await see(all, '198.51.100.7');
  const calls = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.command('INFO', 'commandstats'))[1]);
  const before = await calls();
  await send('c', all.slice(0, 1), '198.51.100.7');
  assert.equal(await calls(), before + 2, 'asked, and counted');
  await send('c', all.slice(1, 20), '198.51.100.7');
  assert.deepEqual(await total(), { impressions: 40, clicks: 12, click_rate: 8 });
  // Another browser there has its own rate; the share is the address's: 20 of 40 have been clicked.
  await send('c', all.slice(20, 25), '198.51.100.7', { 'User-Agent': `${browser} other` });
  assert.deepEqual(await total(), { impressions: 40, clicks: 12, click_rate: 8, click_share: 5 });
  const [share] = await redis.command('KEYS', 'ad:shares:*');
  const tag = /\{.*\}/.exec(share)[0];
  const rates = await redis.command('KEYS', 'ad:clicks:*');
  assert.equal(rates.length, 2);
  for (const name of rates) assert.ok(name.startsWith(`ad:clicks:${tag}`), name);
});

test('it costs an impression one command; off, it costs nothing and leaves nothing', async (t) => {
  const { redis, servers, send, tokens, keys, seen, total } = await start(t, { count: 1 });
  const [server] = servers;
  const stats = async () => Object.fromEntries([...(await redis.command('INFO', 'commandstats')).matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, n]) => [name, Number(n)]));
  const oneByOne = async (kind, list) => {
    for (const token of list) await send(kind, [token], '198.51.100.7');
  };
  await send('i', tokens(1), '198.51.100.7'); // the scripts are there
  await until(async () => (await seen()) === 1);
  const before = await stats();
  await oneByOne('i', tokens(20));
  await until(async () => (await seen()) === 21);
  assert.equal((await stats()).evalsha - before.evalsha, 40, 'counted, and known');

  await reload(server, { 'bots.click_share': 0 });
  await redis.command('DEL', ...(await keys()));
  const off = tokens(20);
  const then = await stats();
  await oneByOne('i', off);
  await oneByOne('c', off);
  const after = await stats();
  assert.equal(after.evalsha - then.evalsha, 40, 'an impression, a click');
  for (const name of ['hmget', 'hlen', 'pttl', 'hexists']) assert.equal(after[name], then[name], name);
  assert.deepEqual(await keys(), []);
  assert.equal((await total()).click_share, undefined);
});

test('filtered, repeated and late impressions are none of the share', async (t) => {
  const { redis, key, send, see, tokens, seen, total } = await start(t, { options: { 'bots.internal': '10.0.0.0/8' } });
  const [one] = tokens(1);
  await see([one], '198.51.100.7');
  await send('i', Array.from({ length: 20 }, () => one), '198.51.100.7');
  await send('i', tokens(5), '198.51.100.7', { 'User-Agent': 'curl/8.5.0' });
  await send('i', tokens(5), '198.51.100.7', { 'Sec-Purpose': 'prefetch' });
  await send('i', tokens(5), '10.0.0.7');
  await send('i', [signToken(key, { ...ads.header, issued: Date.now() - 48 * 3600000 })], '198.51.100.7');
  await send('v', [one], '198.51.100.7');
  assert.equal(await seen(), 1);
  await send('v', tokens(1), '198.51.100.7'); // brings its impression
  await until(async () => (await seen()) === 2);
  await send('c', tokens(10), '10.0.0.7');
  assert.equal((await total()).internal, 15);
  assert.equal((await redis.command('KEYS', 'ad:shares:*')).length, 1);
});

test('while Redis is away, and for an hour after impressions went into the spool, nothing is asked', async (t) => {
  const { redis, servers, send, see, tokens, keys, total } = await start(t, { count: 1, options: { 'server.deadline_ms': '100ms' }, allowErrors: /redis/i });
  const [server] = servers;
  const all = tokens(40);
  await see(all.slice(0, 4), '198.51.100.7');
  redis.pause();
  await send('i', all.slice(4, 32), '198.51.100.7');
  const [answer] = await send('c', all.slice(0, 1), '198.51.100.7');
  assert.equal(answer.headers.location, ads.header.landing);
  redis.resume();
  await until(async () => (await total()).impressions === 32 && (await total()).clicks === 1, { timeout: 10000, what: 'the spool is empty' });
  await until(async () => (await server.stats()).workers.every((worker) => worker.redis_connected));
  // 20 of 32: more than half, but of these impressions only 4 are known.
  await send('c', all.slice(1, 20), '198.51.100.7');
  assert.deepEqual(await total(), { impressions: 32, clicks: 20 });
  // A reload makes other workers; they rest as well. What is counted meanwhile is of the next windows.
  await reload(server, { 'bots.click_share_from': 5 });
  await send('c', all.slice(20, 32), '198.51.100.7');
  assert.deepEqual(await total(), { impressions: 32, clicks: 32 });
  const [name] = await keys();
  assert.equal(await redis.command('HGET', name, 'header|c'), null);
});

test('in a cluster: the counters of an address are on one server, and the threshold is as exact', async (t) => {
  const cluster = await startCluster({ t, replicas: 0 });
  await importCatalog(cluster, smallCatalog);
  const options = { ...shared, 'bots.clicks_per_minute': 1000 };
  const servers = await startServers({ t, redis: cluster, count: 2, options, allowErrors: /redis/i });
  const key = newestKey(servers[0].options['tokens.keyring']);
  const send = (kind, list, address) =>
    inParallel(list.length, 16, (i) => report(`${servers[i % 2].base}/v1/${kind}/${list[i]}`, { headers: { 'X-Forwarded-For': address } }));
  const addresses = Array.from({ length: 6 }, (_, i) => `198.51.100.${i}`);
  const seen = async () => {
    let sum = 0;
    for (const node of cluster.nodes)
      for (const name of await node.command('KEYS', 'ad:shares:*')) sum += Number(await node.command('HGET', name, 'header'));
    return sum;
  };
  const all = addresses.map(() => Array.from({ length: 24 }, () => signToken(key, ads.header)));
  for (const [i, address] of addresses.entries()) await send('i', all[i], address);
  await until(async () => (await seen()) === 6 * 24);
  for (const [i, address] of addresses.entries()) await send('c', all[i], address);
  assert.deepEqual((await countsInRedis(cluster, 'spring')).total, { impressions: 144, clicks: 72, click_share: 72 });
});
