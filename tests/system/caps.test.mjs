// Frequency caps are exact: under concurrency, across servers, on the first visit.
import assert from 'node:assert/strict';
import test from 'node:test';
import { importCatalog, raw, request, setHash, startRedis, startServer, until } from '../lib/harness.mjs';
import { browser, inParallel, keptAlive, patient, startServers } from '../lib/traffic.mjs';

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };

// A slot with what `campaigns` describe, best first, and a house campaign that always serves.
async function book(redis, campaigns, slots = ['header']) {
  await importCatalog(redis, {
    slots: slots.map((id) => ({ id, sizes: '728x90' })),
    campaigns: [
      ...campaigns.map(({ creatives = [{}], ...fields }) => ({
        slots: '*',
        ...fields,
        creatives: creatives.map((creative, i) => ({ id: `${fields.id}-${i}`, ...picture, ...creative })),
      })),
      {
        id: 'house',
        tier: 'house',
        slots: '*',
        creatives: slots.map((_, i) => ({ id: `house-${i}`, ...picture })),
      },
    ],
  });
}

async function start(t, campaigns, { slots, options, conf } = {}) {
  const redis = await startRedis({ t, conf });
  await book(redis, campaigns, slots);
  const server = await startServer({ t, redis, options: { ...patient, ...options } });
  return { redis, server };
}

const asBrowser = { headers: { 'User-Agent': browser } };

const winner = async (server, query, settings = asBrowser) =>
  (await server.ads({ slot: 'header', ...query }, settings))[0].campaign;

// The campaigns that `count` requests in a row get.
async function winners(server, count, query, settings) {
  const found = [];
  while (found.length < count) found.push(await winner(server, query, settings));
  return found;
}

// A change of the catalog, until it is live.
async function change(server, action) {
  const { catalog } = await server.stats();
  await action();
  await until(async () => (await server.stats()).catalog.revision !== catalog.revision, { what: 'the change is live' });
}

const capKeys = async (redis) => (await redis.command('KEYS', 'ad:cap:*')).sort();

test('200 requests of one viewer at once over three servers with 3/1d: 3 serves, 20 times out of 20', async (t) => {
  const redis = await startRedis({ t });
  await book(redis, [{ id: 'often', caps: '3/1d' }]);
  const servers = await startServers({ t, redis, count: 3, options: { ...patient, 'server.workers': 2 } });
  const agent = keptAlive(t);
  const tallies = [];
  for (let round = 0; round < 20; round++) {
    const uid = `viewer-${round}-${process.pid}`;
    const url = (i) => `${servers[i % 3].base}/v1/ads?slot=header&uid=${uid}`;
    const got = await inParallel(200, 200, async (i) =>
      (await request(url(i), { agent, headers: { 'User-Agent': browser } })).json().ads[0].campaign,
    );
    const often = got.filter((campaign) => campaign === 'often').length;
    assert.equal(often + got.filter((campaign) => campaign === 'house').length, 200);
    tallies.push(often);
  }
  assert.deepEqual(tallies, Array(20).fill(3));
  const keys = await capKeys(redis);
  assert.equal(keys.length, 20);
  for (const key of keys) assert.equal(await redis.command('GET', key), '3');
});

test('the same with the ordinary deadline: never more than 3', async (t) => {
  const redis = await startRedis({ t });
  await book(redis, [{ id: 'often', caps: '3/1d' }]);
  const servers = await startServers({ t, redis, count: 3, options: { 'server.workers': 2 } });
  const agent = keptAlive(t);
  for (let round = 0; round < 10; round++) {
    const got = await inParallel(200, 200, async (i) => {
      const url = `${servers[i % 3].base}/v1/ads?slot=header&uid=viewer-${round}-hurried`;
      const answer = await request(url, { agent, headers: { 'User-Agent': browser } });
      assert.equal(answer.status, 200);
      return answer.json().ads[0].campaign;
    });
    assert.ok(got.filter((campaign) => campaign === 'often').length <= 3);
  }
});

test('the first visit: two first requests at once are one viewer', async (t) => {
  const { server } = await start(t, [{ id: 'once', caps: '1/1d' }], { options: { 'server.workers': 2 } });
  for (let i = 0; i < 20; i++) {
    const query = { uid: `first-visit-${i}` };
    const got = await Promise.all([winner(server, query), winner(server, query)]);
    assert.deepEqual(got.sort(), ['house', 'once']);
  }
});

test('several caps of a campaign hold together, and a refusal counts nothing', async (t) => {
  const { redis, server } = await start(t, [{ id: 'several', caps: '2/1h,3/1d,4/lifetime' }]);
  const uid = 'viewer-0001';
  assert.deepEqual(await winners(server, 4, { uid }), ['several', 'several', 'house', 'house']);
  const keys = await capKeys(redis);
  assert.equal(keys.length, 3);
  const values = async () => Promise.all((await capKeys(redis)).map((key) => redis.command('GET', key)));
  assert.deepEqual(await values(), ['2', '2', '2']);

  // By Redis's clock the hour passes: the counter with the shortest life goes.
  const hour = async () => {
    for (const key of await capKeys(redis)) if ((await redis.command('PTTL', key)) <= 3600000) await redis.command('DEL', key);
  };
  await hour();
  assert.deepEqual(await winners(server, 2, { uid }), ['several', 'house']); // 3/1d
  assert.deepEqual((await values()).sort(), ['1', '3', '3']);
  await hour();
  for (const key of await capKeys(redis)) if ((await redis.command('PTTL', key)) <= 86400000) await redis.command('DEL', key);
  assert.deepEqual(await winners(server, 3, { uid }), ['several', 'house', 'house']); // 4/lifetime
});

test('a creative has caps of its own, beside its campaign', async (t) => {
  const creatives = [{ caps: '1/1d' }, { caps: '2/1d' }];
  const { server } = await start(t, [{ id: 'both', caps: '4/1d', creatives }]);
  const got = [];
  for (let i = 0; i < 5; i++) got.push((await server.ads({ slot: 'header', uid: 'viewer-0001' }, asBrowser))[0].creative);
  assert.deepEqual(got.slice(0, 3).sort(), ['both-0', 'both-1', 'both-1']);
  assert.deepEqual(got.slice(3), ['house-0', 'house-0']);

  const tight = await start(t, [{ id: 'both', caps: '2/1d', creatives }]);
  assert.deepEqual(await winners(tight.server, 3, { uid: 'viewer-0001' }), ['both', 'both', 'house']);
});

test('where one is refused the next in rank is asked', async (t) => {
  const { server } = await start(t, [
    { id: 'first', tier: 'sponsorship', caps: '1/1d' },
    { id: 'second', tier: 'standard', caps: '2/1d' },
    { id: 'third', tier: 'remnant', caps: '1/1d' },
  ]);
  assert.deepEqual(await winners(server, 6, { uid: 'viewer-0001' }), ['first', 'second', 'second', 'third', 'house', 'house']);
  const { campaigns, slots } = await server.stats();
  assert.equal(campaigns.first.rejected.cap, 5);
  assert.equal(campaigns.first.serves, 1);
  assert.equal(campaigns.second.rejected.cap, 3);
  assert.equal(campaigns.second.rejected.outweighed, 1);
  assert.equal(slots.header.filled, 6);
});

test('nothing left to serve: the slot says that a cap is why', async (t) => {
  const { redis, server } = await start(t, [{ id: 'only', caps: '1/1d' }]);
  await change(server, () => redis.command('HSET', 'ad:campaign:house', 'status', 'archived'));
  assert.equal(await winner(server, { uid: 'viewer-0001' }), 'only');
  const [ad] = await server.ads({ slot: 'header', uid: 'viewer-0001' }, asBrowser);
  assert.deepEqual(ad, { slot: 'header', unfilled: 'cap' });
});

test('one page counts each of its serves', async (t) => {
  const slots = ['header', 'middle', 'footer'];
  const { redis, server } = await start(t, [{ id: 'one', caps: '2/1d' }, { id: 'two', caps: '1/1d' }], { slots });
  const served = async () => (await server.ads({ slot: slots, uid: 'viewer-0001' }, asBrowser)).map((ad) => ad.campaign ?? ad.unfilled);
  assert.deepEqual((await served()).sort(), ['house', 'one', 'two']);
  const counts = async () => (await Promise.all((await capKeys(redis)).map((key) => redis.command('GET', key)))).sort();
  assert.deepEqual(await counts(), ['1', '1']);
  assert.deepEqual(await served(), ['one', 'house', 'on_page']);
  assert.deepEqual(await counts(), ['1', '2']);
  assert.equal((await served())[0], 'house');
});

test('the window opens with the first serve, and neither serves nor refusals move its end', async (t) => {
  const { redis, server } = await start(t, [{ id: 'window', caps: '2/1h' }]);
  const uid = 'viewer-0001';
  assert.equal(await winner(server, { uid }), 'window');
  const [key] = await capKeys(redis);
  const left = await redis.command('PTTL', key);
  assert.ok(left > 3590000 && left <= 3600000, `${left} ms`);
  await redis.command('PEXPIRE', key, '900000'); // 45 minutes later
  assert.equal(await winner(server, { uid }), 'window');
  assert.ok((await redis.command('PTTL', key)) <= 900000, 'a serve has moved it');
  assert.equal(await winner(server, { uid }), 'house');
  assert.ok((await redis.command('PTTL', key)) <= 900000, 'a refusal has moved it');
  await redis.command('PEXPIRE', key, '1');
  await until(async () => (await redis.command('EXISTS', key)) === 0);
  assert.deepEqual(await winners(server, 3, { uid }), ['window', 'window', 'house']);
});

test("windows pass by Redis's clock", async (t) => {
  const { redis, server } = await start(t, [{ id: 'second', caps: '1/1s' }]);
  const uid = 'viewer-0001';
  for (let round = 0; round < 3; round++) {
    await until(async () => (await winner(server, { uid })) === 'second', { what: 'its window is over', interval: 20 });
    const [key] = await capKeys(redis);
    if (key) assert.ok((await redis.command('PTTL', key)) <= 1000);
  }
});

test('a counter without an end does not refuse for ever', async (t) => {
  const { redis, server } = await start(t, [{ id: 'once', caps: '1/1h' }]);
  const uid = 'viewer-0001';
  assert.equal(await winner(server, { uid }), 'once');
  const [key] = await capKeys(redis);
  await redis.command('PERSIST', key);
  assert.equal(await winner(server, { uid }), 'house');
  assert.ok((await redis.command('PTTL', key)) > 0);
});

test('changing the count keeps what has been counted', async (t) => {
  const { redis, server } = await start(t, [{ id: 'more', caps: '2/1d' }]);
  const uid = 'viewer-0001';
  assert.deepEqual(await winners(server, 3, { uid }), ['more', 'more', 'house']);
  await change(server, () => redis.command('HSET', 'ad:campaign:more', 'caps', '3/1d'));
  assert.deepEqual(await winners(server, 2, { uid }), ['more', 'house']);
});

test('a campaign and a creative of one id, and two viewers, are counted apart', async (t) => {
  const { redis, server } = await start(t, [{ id: 'same', caps: '2/1d', creatives: [{ id: 'same', caps: '2/1d' }] }]);
  assert.deepEqual(await winners(server, 3, { uid: 'viewer-0001' }), ['same', 'same', 'house']);
  assert.deepEqual(await winners(server, 3, { uid: 'viewer-0002' }), ['same', 'same', 'house']);
  assert.equal((await capKeys(redis)).length, 4);
});

test('who is not known', async (t) => {
  const { server } = await start(t, [{ id: 'capped', caps: '1/1d' }]);
  const headers = { 'User-Agent': browser };
  const refusing = { 'Sec-GPC': '1', ...headers };
  assert.deepEqual(await winners(server, 2, { uid: 'viewer-0001' }, { headers: refusing }), ['house', 'house']);
  const consent = 'CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA';
  assert.equal(await winner(server, { uid: 'viewer-0001', consent }, { headers }), 'house');
  assert.equal((await server.stats()).campaigns.capped.rejected.no_viewer, 3);
  // Without an id it is address, browser and site.
  assert.deepEqual(await winners(server, 2, {}, { headers }), ['capped', 'house']);
  assert.deepEqual(await winners(server, 2, {}, { headers: { 'User-Agent': `${browser} another` } }), ['capped', 'house']);
  assert.deepEqual(await winners(server, 2, { url: 'https://blog.example/a' }, { headers }), ['capped', 'house']);
  assert.equal(await winner(server, { url: 'https://blog.example/b' }, { headers }), 'house');

  const lenient = await start(t, [{ id: 'capped', caps: '1/1d' }], { options: { 'viewer.anonymous': 'serve' } });
  assert.deepEqual(await winners(lenient.server, 3, {}, { headers: refusing }), ['capped', 'capped', 'capped']);
  assert.deepEqual(await capKeys(lenient.redis), []);
  assert.deepEqual(await winners(lenient.server, 2, { uid: 'viewer-0001' }, { headers }), ['capped', 'house']);
});

test('caps hold for programs as for everybody', async (t) => {
  const { server } = await start(t, [{ id: 'capped', caps: '2/1d' }]);
  for (const agent of ['curl/8.5.0', 'Googlebot/2.1 (+http://www.google.com/bot.html)', '']) {
    const seen = await winners(server, 4, { uid: `program-${agent.length}` }, { headers: { 'User-Agent': agent } });
    assert.deepEqual(seen, ['capped', 'capped', 'house', 'house'], agent);
  }
});

test('what nobody will see wears out no cap', async (t) => {
  const { redis, server } = await start(t, [{ id: 'capped', caps: '1/1d' }]);
  const prefetch = { 'User-Agent': browser, 'Sec-Purpose': 'prefetch' };
  assert.deepEqual(await winners(server, 3, { uid: 'viewer-0001' }, { headers: prefetch }), ['capped', 'capped', 'capped']);
  await server.get('/v1/ads?slot=header&uid=viewer-0001', { method: 'HEAD' });
  assert.deepEqual(await capKeys(redis), []);
  assert.equal((await server.stats()).campaigns.capped.serves, 0);
  assert.equal(await winner(server, { uid: 'viewer-0001' }, { headers: { 'User-Agent': browser } }), 'capped');
});

test('the address behind proxies: believed from those that are trusted, from nobody else', async (t) => {
  const campaigns = [{ id: 'capped', caps: '1/1d' }];
  const from = (list) => ({ headers: { 'User-Agent': browser, 'X-Forwarded-For': list } });
  const plain = await start(t, campaigns);
  assert.equal(await winner(plain.server, {}, from('203.0.113.1')), 'capped');
  for (const name of ['X-Forwarded-For', 'Forwarded', 'True-Client-IP', 'X-Real-IP']) {
    const headers = { 'User-Agent': browser, [name]: '203.0.113.2' };
    assert.equal(await winner(plain.server, {}, { headers }), 'house', `${name} of a stranger is believed`);
  }

  const behind = await start(t, campaigns, { options: { 'server.trusted_proxies': '127.0.0.1, 10.0.0.0/8' } });
  const { server } = behind;
  assert.equal(await winner(server, {}, from('203.0.113.1')), 'capped');
  assert.equal(await winner(server, {}, from('203.0.113.2')), 'capped');
  assert.equal(await winner(server, {}, from('198.51.100.1, 203.0.113.2')), 'house', 'what stands left is the client’s word');
  assert.equal(await winner(server, {}, from('203.0.113.2, 10.1.2.3')), 'house');
  assert.equal(await winner(server, {}, from('203.0.113.3, 10.1.2.3')), 'capped');
  assert.equal(await winner(server, {}, from('junk')), 'capped', 'the proxy itself');
  assert.equal(await winner(server, {}, from('203.0.113.9, junk')), 'house', 'the proxy itself, again');
  assert.equal(await winner(server, {}, from(`${'203.0.113.77, '.repeat(500)}203.0.113.2`)), 'house');
  const lines = [`GET /v1/ads?slot=header HTTP/1.1`, 'Host: a', `User-Agent: ${browser}`, 'X-Forwarded-For: 192.0.2.200', 'X-Forwarded-For: 203.0.113.2', 'Connection: close'];
  const { responses } = await raw(server.port, `${lines.join('\r\n')}\r\n\r\n`);
  assert.equal(responses[0].json().ads[0].campaign, 'house', 'the line that the proxy added is the last one');
});

test('20,000 viewers: at most 150 bytes of Redis each, and all of it ends by itself', async (t) => {
  const viewers = 20000;
  const { redis, server } = await start(t, [{ id: 'capped', caps: '3/1d' }], { options: { 'server.workers': 2 } });
  const memory = async () => Number(/used_memory:(\d+)/.exec(await redis.command('INFO', 'memory'))[1]);
  await winner(server, { uid: 'the-first-one' });
  await until(async () => (await redis.command('EXISTS', 'ad:total:{capped}')) === 1);
  const before = await memory();
  const batch = 100;
  await inParallel(viewers / batch, 4, async (i) => {
    const ask = (n) => `GET /v1/ads?slot=header&uid=viewer-${i * batch + n} HTTP/1.1\r\nHost: a\r\nUser-Agent: ${browser}\r\n\r\n`;
    const bytes = Array.from({ length: batch }, (_, n) => ask(n)).join('');
    const { responses } = await raw(server.port, bytes, { count: batch, timeout: 60000 });
    assert.equal(responses.length, batch);
    assert.ok(responses.every((answer) => answer.text.includes('"campaign":"capped"')));
  });
  const keys = await capKeys(redis);
  assert.equal(keys.length, viewers + 1);
  const each = ((await memory()) - before) / viewers;
  t.diagnostic(`${each.toFixed(1)} bytes a viewer and cap`);
  assert.ok(each <= 150, `${each} bytes`);

  const times = await redis.client.pipeline(keys.map((key) => ['PTTL', key]));
  assert.ok(times.every((left) => left > 0 && left <= 86400000));
});

test('everything about viewers has an end, and nothing says who they are', async (t) => {
  const { redis, server } = await start(t, [{ id: 'capped', caps: '1/10m,3/1d,9/lifetime', creatives: [{ caps: '1/1w' }] }]);
  await change(server, () => setHash(redis, 'ad:campaign:capped', { end: '2099-01-01T00:00:00Z' }));
  const uid = 'somebody-very-special';
  await winner(server, { uid }, { headers: { 'User-Agent': browser, 'X-Forwarded-For': '203.0.113.4' } });
  await winner(server, {}, { headers: { 'User-Agent': browser } });
  const keys = await capKeys(redis);
  assert.equal(keys.length, 8);
  const longest = 400 * 86400000;
  for (const key of keys) {
    const left = await redis.command('PTTL', key);
    assert.ok(left > 0 && left <= longest, `${key}: ${left}`);
    assert.match(key, /^ad:cap:\{[A-Za-z0-9_-]{10,}\}[A-Za-z0-9_-]+$/);
  }
  for (const key of await redis.command('KEYS', '*'))
    for (const clear of [uid, Buffer.from(uid).toString('base64url'), '127.0.0.1', 'Mozilla'])
      assert.ok(!key.includes(clear), `${key} names a viewer`);
});
