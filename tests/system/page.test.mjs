// What stands together on a page, over HTTP and with real counters.
import assert from 'node:assert/strict';
import test from 'node:test';
import { importCatalog, startRedis, startServer } from '../lib/harness.mjs';
import { browser, patient } from '../lib/traffic.mjs';

const picture = (id, size) => ({ id, type: 'image', size, image: 'https://pictures.example/a.png', landing: 'https://shop.example/' });
const slots = [{ id: 'top', sizes: '970x250' }, { id: 'side', sizes: '300x250' }];
const both = (id) => [picture(`${id}-top`, '970x250'), picture(`${id}-side`, '300x250')];
const asBrowser = { headers: { 'User-Agent': browser } };

async function start(t, campaigns, options) {
  const redis = await startRedis({ t });
  await importCatalog(redis, { slots, campaigns });
  return { redis, server: await startServer({ t, redis, options: { ...patient, ...options } }) };
}

const page = async (server, query = {}) => server.ads({ slot: ['top', 'side'], uid: 'viewer-0001', ...query }, asBrowser);
const names = (ads) => ads.map((ad) => ad.campaign ?? ad.unfilled);

test('a roadblock has all slots or none, and its caps hold for all of them', async (t) => {
  const { redis, server } = await start(t, [
    { id: 'road', slots: '*', roadblock: 'all', caps: '3/1d', creatives: both('road') },
    { id: 'home', slots: 'top', tier: 'house', creatives: [picture('home-top', '970x250')] },
    { id: 'yard', slots: 'side', tier: 'house', creatives: [picture('yard-side', '300x250')] },
  ]);
  assert.deepEqual(names(await page(server)), ['road', 'road']);
  const [key] = await redis.command('KEYS', 'ad:cap:*');
  assert.equal(await redis.command('GET', key), '2');
  assert.deepEqual(names(await page(server)), ['home', 'yard'], 'one more is left, and two are wanted');
  assert.equal(await redis.command('GET', key), '2');
  assert.deepEqual(names(await server.ads({ slot: 'top', uid: 'viewer-0001' }, asBrowser)), ['road'], 'a page of one slot');
  assert.equal(await redis.command('GET', key), '3');
});

test('200 parallel pages of one viewer: the cap of a roadblock holds', async (t) => {
  const { redis, server } = await start(t, [{ id: 'road', slots: '*', roadblock: 'all', caps: '5/1d', creatives: both('road') }], { 'server.workers': 2 });
  const pages = await Promise.all(Array.from({ length: 200 }, () => page(server)));
  const served = pages.map((ads) => names(ads).filter((name) => name === 'road').length);
  assert.deepEqual([...new Set(served)].sort(), [0, 2]);
  assert.equal(served.filter((count) => count === 2).length, 2);
  const [key] = await redis.command('KEYS', 'ad:cap:*');
  assert.equal(await redis.command('GET', key), '4');
});

test('campaigns that share a label are never on one page, asked for together or one after the other', async (t) => {
  const { server } = await start(t, [
    { id: 'cars', slots: '*', exclusions: 'cars', creatives: both('cars') },
    { id: 'rival', slots: '*', exclusions: 'banks,cars', creatives: both('rival') },
    { id: 'tea', slots: '*', creatives: both('tea') },
  ]);
  for (let i = 0; i < 60; i++) {
    const together = new Set(names(await page(server)));
    assert.ok(!(together.has('cars') && together.has('rival')), [...together].join());
    const [first] = await server.ads({ slot: 'top' }, asBrowser);
    const [second] = await server.ads({ slot: 'side', page: first.page }, asBrowser);
    assert.notEqual(second.campaign, first.campaign);
    assert.ok(!(first.campaign !== 'tea' && second.campaign !== 'tea'), `${first.campaign}, ${second.campaign}`);
  }
});

test('a mark that is not ours says nothing', async (t) => {
  const { server } = await start(t, [{ id: 'tea', slots: '*', creatives: both('tea') }]);
  const [{ page: mark }] = await server.ads({ slot: 'top' }, asBrowser);
  assert.equal((await server.ads({ slot: 'side', page: mark }, asBrowser))[0].unfilled, 'on_page');
  for (const other of ['x', 'undefined', `${mark}A`, mark.slice(1), (mark[0] === 'A' ? 'B' : 'A') + mark.slice(1)])
    assert.equal((await server.ads({ slot: 'side', page: other }, asBrowser))[0].campaign, 'tea', other);
});
