// The catalog: what a campaign manager writes with any Redis client is live everywhere within a
// second, what is wrong stays out and is told, and the last good one outlives Redis.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {
  delay,
  freePort,
  importCatalog,
  removeDir,
  setCampaign,
  setCreative,
  setHash,
  setSlot,
  smallCatalog,
  startRedis,
  startServer,
  tempDir,
  until,
  whenDone,
} from '../lib/harness.mjs';
import { browser, countsInRedis, patient, report, startServers } from '../lib/traffic.mjs';

const revisions = async (servers) =>
  (await Promise.all(servers.map((server) => server.stats()))).flatMap((stats) =>
    stats.workers.map((worker) => worker.catalog_revision),
  );

// Makes a change and measures how long it takes until all workers of all servers serve one catalog
// that is not the one before.
async function change(servers, action) {
  const [before] = await settled(servers);
  const began = performance.now();
  await action();
  await until(
    async () => {
      const found = new Set(await revisions(servers));
      return found.size === 1 && !found.has(before);
    },
    { interval: 2, timeout: 10000, what: 'the change is live' },
  );
  return performance.now() - began;
}

// The revision that all have, once it is the same.
async function settled(servers) {
  return until(
    async () => {
      const found = new Set(await revisions(servers));
      return found.size === 1 && [...found];
    },
    { what: 'all have one catalog' },
  );
}

const rejected = async (server) => (await server.stats()).catalog.rejected;

async function untilRejected(server, key, field) {
  return until(async () => (await rejected(server)).find((one) => one.key === key && one.field === field), {
    what: `${key} is refused for ${field}`,
  });
}

async function untilNoneRejected(server) {
  return until(async () => (await rejected(server)).length === 0, { what: 'nothing is refused any more' });
}

const served = async (server, slot) => (await server.ads({ slot }))[0];

for (const [how, notify] of [
  ['with keyspace notifications', 'Kg$shx'],
  ['without keyspace notifications', '""'],
]) {
  test(`a change by a plain client is live in every worker within a second, ${how}`, async (t) => {
    const redis = await startRedis({ t, conf: { 'notify-keyspace-events': notify } });
    await importCatalog(redis, smallCatalog);
    const servers = await startServers({ t, redis, count: 2, options: { 'server.workers': 3 } });
    const command = (...args) => redis.command(...args);
    const changes = {
      'HSET of a field': () => command('HSET', 'ad:creative:spring-970', 'alt', 'Summer'),
      'HSET to paused': () => command('HSET', 'ad:campaign:spring', 'status', 'paused'),
      'HDEL of a field': () => command('HDEL', 'ad:campaign:spring', 'status'),
      'SADD of a prepared campaign': async () => {
        await setHash(redis, 'ad:campaign:late', { slots: 'header', tier: 'sponsorship' });
        await setHash(redis, 'ad:creative:late-970', {
          campaign: 'late',
          type: 'image',
          size: '970x250',
          image: 'https://pictures.example/late.png',
          landing: 'https://shop.example/late',
        });
        await command('SADD', 'ad:campaigns', 'late');
        await command('SADD', 'ad:creatives', 'late-970');
      },
      'DEL of a creative': () => command('DEL', 'ad:creative:late-970'),
      'SREM of a campaign': () => command('SREM', 'ad:campaigns', 'late'),
      'a new slot': () => setSlot(redis, 'footer', { sizes: '728x90' }),
      'RENAME over a hash': async () => {
        await command('HSET', 'prepared', 'sizes', '320x50');
        await command('RENAME', 'prepared', 'ad:slot:footer');
      },
      'a transaction': async () => {
        const replies = await redis.client.pipeline([
          ['MULTI'],
          ['DEL', 'ad:slot:footer'],
          ['SREM', 'ad:slots', 'footer'],
          ['EXEC'],
        ]);
        assert.deepEqual(replies.at(-1), [1, 1]);
      },
      'a script': () => command('EVAL', "return redis.call('HSET', KEYS[1], 'name', ARGV[1])", '1', 'ad:slot:header', 'Top'),
    };
    const times = [];
    for (const [what, action] of Object.entries(changes)) {
      const took = await change(servers, action);
      times.push(took);
      assert.ok(took < 1000, `${what} took ${took} ms`);
    }
    t.diagnostic(`${times.length} changes over 6 workers: at most ${Math.max(...times).toFixed(0)} ms`);
  });
}

test('a paused, an edited and a deleted campaign; what it had served still counts', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const servers = await startServers({ t, redis, count: 2, options: { 'server.workers': 2, ...patient } });
  const [first, second] = servers;
  const ads = [];
  for (let i = 0; i < 3; i++) ads.push((await first.ads({ slot: 'header' }, { headers: { 'User-Agent': browser } }))[0]);

  await change(servers, () => redis.command('HSET', 'ad:creative:spring-970', 'landing', 'https://shop.example/new'));
  for (const server of servers) assert.equal((await served(server, 'header')).campaign, 'spring');
  assert.equal((await report(ads[0].click_url)).headers.location, 'https://shop.example/spring?from=header');

  await change(servers, () => redis.command('HSET', 'ad:campaign:spring', 'status', 'paused'));
  for (const server of servers) assert.deepEqual(await served(server, 'header'), { slot: 'header', unfilled: 'inactive' });
  assert.equal((await report(ads[1].impression_url)).status, 204);

  await change(servers, async () => {
    await redis.command('SREM', 'ad:campaigns', 'spring');
    await redis.command('DEL', 'ad:campaign:spring');
  });
  for (const server of servers) assert.equal((await served(server, 'header')).campaign, undefined);
  assert.equal((await report(ads[2].click_url.replace(first.base, second.base))).status, 302);
  const { total } = await countsInRedis(redis, 'spring');
  assert.deepEqual([total.clicks, total.impressions], [2, 3]);
});

// In one step: a worker that finds the hash gone in between has no last good version any more.
const replaceHash = (redis, key, fields) =>
  redis.command(
    'EVAL',
    "redis.call('DEL', KEYS[1]) return redis.call('HSET', KEYS[1], unpack(ARGV))",
    '1',
    key,
    ...Object.entries(fields).flat(),
  );

// One field wrong in each: [key, fields, the field that is named].
const wrong = {
  'a weight below its range': ['ad:campaign:spring', { weight: '0' }, 'weight'],
  'a status that is none': ['ad:campaign:spring', { status: 'running' }, 'status'],
  'a tier that is none': ['ad:campaign:spring', { tier: 'premium' }, 'tier'],
  'a date that is none': ['ad:campaign:spring', { end: '2026-02-30T00:00:00Z' }, 'end'],
  'a zone that is none': ['ad:campaign:spring', { timezone: 'Europe/Atlantis' }, 'timezone'],
  'caps that are none': ['ad:campaign:spring', { caps: '3 per day' }, 'caps'],
  'a budget that is none': ['ad:campaign:spring', { budget: '-1' }, 'budget'],
  'an unknown field': ['ad:campaign:spring', { wieght: '2' }, 'wieght'],
  'control bytes in a name': ['ad:campaign:spring', { name: 'a\nb' }, 'name'],
  'a landing page that is a script': ['ad:creative:spring-970', { landing: 'javascript:alert(1)' }, 'landing'],
  'a landing page with a password': ['ad:creative:spring-970', { landing: 'https://good@evil.example/' }, 'landing'],
  'a landing page with a line end': ['ad:creative:spring-970', { landing: 'https://a.example/\r\nX: y' }, 'landing'],
  'a size that is none': ['ad:creative:spring-970', { size: '970' }, 'size'],
  'a type that is none': ['ad:creative:spring-970', { type: 'video' }, 'type'],
  'a size of a slot that is none': ['ad:slot:header', { sizes: '970x250,728x' }, 'sizes'],
};

test('a wrong entry is refused whole and told; its last good version goes on serving', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { 'server.workers': 2 } });
  const good = await served(server, 'header');
  for (const [what, [key, fields, field]] of Object.entries(wrong)) {
    const before = await redis.client.hash(key);
    // Beside the wrong field a good one is changed: it must not come through either.
    const beside = key.includes('creative') ? { alt: 'Changed' } : { name: 'Changed' };
    const read = server.log().length;
    await setHash(redis, key, { ...beside, ...fields });
    const { error } = await untilRejected(server, key, field);
    assert.ok(error.length > 10, `${what}: "${error}"`);
    for (let i = 0; i < 4; i++) {
      const { campaign, creative, alt } = await served(server, 'header');
      assert.deepEqual({ campaign, creative, alt }, { campaign: 'spring', creative: 'spring-970', alt: good.alt }, what);
    }
    // One worker's lines are enough, and it need not be the one that has answered.
    const lines = () => server.log().slice(read).split('\n');
    await until(() => lines().some((one) => one.includes(key) && one.includes(`field=${field} `)), {
      what: `the log tells of ${what}`,
    });
    await replaceHash(redis, key, before);
    await untilNoneRejected(server);
  }
});

test('an entry that was never good is not there, and its neighbours are', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  await redis.command('HSET', 'ad:campaign:spring', 'weight', 'heavy');
  await redis.command('SADD', 'ad:campaigns', 'missing', 'Not An Id');
  await redis.command('SADD', 'ad:slots', 'text');
  await redis.command('SET', 'ad:slot:text', 'not a hash');
  await redis.command('SADD', 'ad:creatives', 'garbage');
  await redis.command('HSET', 'ad:creative:garbage', Buffer.from([0, 255, 10]), Buffer.from([1, 2, 3]));
  const server = await startServer({ t, redis });
  await untilRejected(server, 'ad:campaign:spring', 'weight');
  const keys = (await rejected(server)).map((one) => one.key).sort();
  for (const key of ['ad:campaign:missing', 'ad:slot:text', 'ad:creative:garbage'])
    assert.ok(keys.includes(key), `${key} is not among ${keys}`);
  const { catalog } = await server.stats();
  assert.equal(catalog.rejected_count, catalog.rejected.length);
  assert.equal((await served(server, 'post-top')).campaign, 'books');
  assert.equal((await served(server, 'header')).campaign, undefined);
  assert.equal((await server.get('/v1/ads?slot=text')).status, 404);

  await redis.command('HSET', 'ad:campaign:spring', 'weight', '1');
  await until(async () => (await served(server, 'header')).campaign === 'spring');
});

test('wrong types under our own keys, and all keys gone', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const server = await startServer({ t, redis, options: { 'server.workers': 2 }, allowErrors: true });
  await redis.command('SET', 'ad:campaign:spring', 'text');
  await until(async () => (await rejected(server)).some((one) => one.key === 'ad:campaign:spring'));
  assert.equal((await served(server, 'header')).campaign, 'spring');

  await redis.command('SET', 'ad:campaigns', 'text'); // the list of campaigns itself
  await delay(1500); // two sweeps
  assert.equal((await served(server, 'post-top')).campaign, 'books');

  await redis.command('FLUSHALL');
  await until(async () => (await server.get('/v1/ads?slot=header')).status === 404, { what: 'the catalog is empty' });
  assert.equal((await server.get('/v1/ads?slot=header&slot=post-top')).status, 200);
  await importCatalog(redis, smallCatalog);
  await until(async () => (await server.get('/v1/ads?slot=header')).status === 200);
  await until(async () => (await served(server, 'header')).campaign === 'spring');
  await untilNoneRejected(server);
});

test('a start without Redis serves the last good catalog, and joins when Redis appears', async (t) => {
  const redis = await startRedis({ t, conf: { appendonly: 'yes', appendfsync: 'always' } });
  await importCatalog(redis, smallCatalog);
  await setCampaign(redis, 'often', { slots: 'header', tier: 'sponsorship', caps: '5/1d' });
  await setCreative(redis, 'often-970', {
    campaign: 'often',
    type: 'image',
    size: '970x250',
    image: 'https://pictures.example/often.png',
    landing: 'https://shop.example/often',
  });
  const state = tempDir('state');
  whenDone(t, () => removeDir(state));
  const options = { 'server.state_dir': state, 'server.workers': 2, ...patient };
  const first = await startServer({ t, redis, options });
  const winner = async (server) =>
    (await server.ads({ slot: 'header', uid: 'viewer-0001' }, { headers: { 'User-Agent': browser } }))[0].campaign;
  assert.equal(await winner(first), 'often');
  await until(() => existsSync(path.join(state, 'catalog')), { what: 'it is on disk' });
  const { catalog: known } = await first.stats();
  await first.stop();
  await redis.kill();

  const server = await startServer({ t, redis, options, ready: 'alive', allowErrors: /redis/i });
  assert.equal(await winner(server), 'spring', 'what is capped rests');
  const { catalog, campaigns } = await server.stats();
  assert.deepEqual(
    { ...catalog, age_seconds: 0 },
    { ...known, age_seconds: 0, source: 'disk' },
  );
  assert.deepEqual(campaigns.often.rejected, { redis_away: 1 });
  const ready = await fetch(`${server.admin}/readyz`);
  assert.deepEqual(await ready.json(), { status: 'ready', events: 'spool' });

  await redis.start();
  await until(async () => (await server.stats()).catalog.source === 'redis', { what: 'it has joined' });
  await until(async () => (await winner(server)) === 'often');
});

test('without Redis and without a catalog on disk it says so, and joins when Redis appears', async (t) => {
  const redis = await startRedis({ t });
  await redis.kill();
  const server = await startServer({ t, redis, ready: 'alive', allowErrors: /redis/i });
  const answer = await server.get('/v1/ads?slot=header');
  assert.equal(answer.status, 503);
  assert.equal(answer.json().error.code, 'no_catalog');
  assert.equal((await fetch(`${server.admin}/readyz`)).status, 503);
  assert.equal((await fetch(`${server.admin}/healthz`)).status, 200);
  assert.equal((await server.stats()).catalog.revision, null);
  await redis.start();
  await importCatalog(redis, smallCatalog);
  await until(async () => (await fetch(`${server.admin}/readyz`)).status === 200, { what: 'it has joined' });
  await until(async () => (await server.get('/v1/ads?slot=header')).status === 200);
  await until(async () => (await served(server, 'header')).campaign === 'spring');
});

test('a catalog on disk that is cut, garbled or empty is not served and does no harm', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const state = tempDir('state');
  whenDone(t, () => removeDir(state));
  const options = { 'server.state_dir': state };
  const first = await startServer({ t, redis, options });
  const file = path.join(state, 'catalog');
  await until(() => existsSync(file), { what: 'it is on disk' });
  await first.stop();
  const good = readFileSync(file);
  const flipped = Buffer.from(good);
  flipped[flipped.length >> 1] ^= 0x20;
  const nowhere = `redis://127.0.0.1:${await freePort()}/0`;
  const bad = { empty: Buffer.alloc(0), cut: good.subarray(0, good.length - 5), flipped, noise: Buffer.from('\0\xff{}[]\n'.repeat(99)) };
  for (const [what, bytes] of Object.entries(bad)) {
    writeFileSync(file, bytes);
    const server = await startServer({ options: { ...options, 'redis.url': nowhere }, allowErrors: true });
    assert.equal((await server.get('/v1/ads?slot=header')).status, 503, what);
    await server.stop();
  }
  writeFileSync(file, good);
  const server = await startServer({ t, options: { ...options, 'redis.url': nowhere }, allowErrors: /redis/i });
  assert.equal((await served(server, 'header')).campaign, 'spring');
  assert.deepEqual(
    readdirSync(state).filter((name) => !['catalog', 'keyring', 'spool'].includes(name)),
    [],
    'nothing else lies about in the state folder',
  );
});

test('another prefix and another database are another catalog', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  await redis.command('SELECT', '3');
  await importCatalog(redis, { slots: [{ id: 'elsewhere', sizes: '728x90' }], campaigns: [] }, { prefix: 'blog.' });
  await redis.command('SELECT', '0');
  const options = { 'redis.url': redis.url.replace(/0$/, '3'), 'redis.prefix': 'blog.' };
  const server = await startServer({ t, redis, options });
  const { catalog } = await server.stats();
  assert.deepEqual([catalog.slots, catalog.campaigns, catalog.creatives], [1, 0, 0]);
  assert.equal((await server.get('/v1/ads?slot=header')).status, 404);
  assert.equal((await server.get('/v1/ads?slot=elsewhere')).status, 200);
});
