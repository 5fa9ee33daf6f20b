// The sample of ad requests in Redis that forecasts replay.
import assert from 'node:assert/strict';
import test from 'node:test';
import { importCatalog, smallCatalog, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser } from '../lib/traffic.mjs';

const page = { slot: 'header', url: 'https://blog.example/tea?x=1', kw: 'tea,two words', 'kv.section': 'food' };

async function start(t, options) {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  return { redis, server: await startServer({ t, redis, options: { 'forecast.entries_max': 1000, ...options } }) };
}

const length = async (redis) => Number(await redis.command('XLEN', 'ad:requests'));

test('all requests of all viewers, as they were asked, without who asked', async (t) => {
  const { redis, server } = await start(t, { 'forecast.sample_ppm': 1000000 });
  const uids = ['viewer-number-1', 'viewer-number-2'];
  for (let i = 0; i < 10; i++) await server.ads({ ...page, uid: uids[i % 2] }, { headers: { 'User-Agent': browser } });
  await until(async () => (await length(redis)) === 10, { what: 'ten are logged' });
  const records = (await redis.command('XRANGE', 'ad:requests', '-', '+')).map(([, [, record]]) => Buffer.from(record, 'latin1').toString('latin1'));
  for (const record of records) {
    for (const text of ['blog.example', '/tea', 'two words', 'section', 'food', 'header']) assert.ok(record.includes(text), text);
    assert.ok(!record.includes('viewer-number') && !record.includes('x=1'));
  }
});

test('none where none are wanted, and none of what is not a viewer', async (t) => {
  const off = await start(t, { 'forecast.sample_ppm': 0 });
  const on = await start(t, { 'forecast.sample_ppm': 1000000 });
  for (let i = 0; i < 10; i++) await off.server.ads(page, { headers: { 'User-Agent': browser } });
  for (let i = 0; i < 10; i++) await on.server.ads(page, { headers: { 'User-Agent': browser, 'Sec-Purpose': 'prefetch' } });
  await on.server.ads(page, { headers: { 'User-Agent': browser } });
  await until(async () => (await length(on.redis)) > 0, { what: 'one is logged' });
  assert.equal(await length(on.redis), 1);
  assert.equal(await length(off.redis), 0);
});

test('the log is bounded', async (t) => {
  const { redis, server } = await start(t, { 'forecast.sample_ppm': 1000000 });
  for (let i = 0; i < 3000; i++) await server.ads(page, { headers: { 'User-Agent': browser } });
  await until(async () => (await server.get('/v1/ads?slot=header')).status === 200 && (await length(redis)) > 0);
  const kept = await length(redis);
  assert.ok(kept <= 1200, `${kept} entries, which are trimmed a node of the stream at a time`);
});
