// What somebody else writes while adctl is at work: a proxy in front of Redis holds the command back
// until that has happened, so that each race is the one that was meant.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { adctl, freePort, importCatalog, startRedis, whenDone } from '../lib/harness.mjs';

// Before the bytes that hold `word` go on to Redis for the `n`th time, `meanwhile(n)` runs; n from 1.
async function startProxy(t, redis, word, meanwhile) {
  const port = await freePort();
  const proxy = { url: `redis://127.0.0.1:${port}/0`, seen: 0 };
  const server = net.createServer((client) => {
    const upstream = net.connect(redis.port, '127.0.0.1');
    let last = Promise.resolve();
    client.on('data', (bytes) => {
      last = last.then(async () => {
        if (bytes.includes(`\r\n${word}\r\n`)) await meanwhile(++proxy.seen);
        upstream.write(bytes);
      });
    });
    upstream.on('data', (bytes) => client.write(bytes));
    for (const [one, other] of [[client, upstream], [upstream, client]]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  whenDone(t, () => server.close());
  return proxy;
}

const catalog = {
  slots: [{ id: 'header', sizes: ['970x250'] }],
  campaigns: [{ id: 'a', slots: ['header'], weight: 1 }],
};

async function setUp(t, word, meanwhile) {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const proxy = await startProxy(t, redis, word, (n) => meanwhile(redis, n));
  return { redis, proxy, run: (args, input) => adctl(args, { redis: proxy, input }) };
}

// Both guards: before the transaction an entry is watched and read again; and the watch itself.
for (const word of ['WATCH', 'MULTI']) {
  test(`an import is whole though the entry is written before ${word}`, async (t) => {
    const { redis, proxy, run } = await setUp(
      t, word, (redis, n) => n === 1 && redis.command('HSET', 'ad:campaign:a', 'cpm', '9'),
    );
    const file = JSON.stringify({ campaigns: [{ id: 'a', slots: ['header'], weight: 2 }] });
    const result = await run(['import', '-'], file);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(proxy.seen, 2, 'it began anew');
    assert.equal(result.stdout, '~ campaign a\n    weight: 1 → 2\n    cpm: 9 → (none)\n1 changed\n');
    assert.deepEqual(await redis.client.hash('ad:campaign:a'), { slots: 'header', weight: '2' });
    assert.equal(await redis.command('XLEN', 'ad:audit'), 1);
  });

  test(`set judges the entry as it is, written before ${word}`, async (t) => {
    const { redis, run } = await setUp(
      t, word, (redis, n) => n === 1 && redis.command('HSET', 'ad:campaign:a', 'end', '2026-01-01T00:00:00Z'),
    );
    const result = await run(['campaign', 'set', 'a', 'start=2027-01-01T00:00:00Z']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^adctl: campaign a end: it is not after `start`/);
    assert.equal(await redis.command('HEXISTS', 'ad:campaign:a', 'start'), 0);
  });

  test(`create loses against who was faster, before ${word}`, async (t) => {
    const { redis, run } = await setUp(
      t, word, (redis, n) => n === 1 && redis.command('HSET', 'ad:slot:new', 'name', 'Theirs'),
    );
    const result = await run(['slot', 'create', 'new', 'name=Ours']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^adctl: slot new: it exists already/);
    assert.deepEqual(await redis.client.hash('ad:slot:new'), { name: 'Theirs' });
  });
}

test('when others never stop writing, it gives up and has written nothing', async (t) => {
  const { redis, proxy, run } = await setUp(
    t, 'MULTI', (redis, n) => redis.command('HSET', 'ad:campaign:a', 'weight', String(n)),
  );
  const result = await run(['campaign', 'set', 'a', 'cpm=5']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^adctl: the change: others wrote the same entries 30 times in between; nothing was written/);
  assert.equal(result.stdout, '');
  assert.equal(proxy.seen, 30);
  assert.deepEqual(await redis.client.hash('ad:campaign:a'), { slots: 'header', weight: '30' });
  assert.equal(await redis.command('EXISTS', 'ad:audit'), 0);
});

test('a campaign is not deleted under a creative that has just come', async (t) => {
  const fields = ['campaign', 'a', 'type', 'text', 'title', 'T', 'landing', 'http://a.example/'];
  const ways = {
    'new, by redis-cli': async (redis) => {
      await redis.command('HSET', 'ad:creative:c', ...fields);
      await redis.command('SADD', 'ad:creatives', 'c');
    },
    'new, by adctl': (redis) =>
      adctl(['creative', 'create', 'c', 'campaign=a', 'type=text', 'title=T', 'landing=http://a.example/'], { redis }),
    'moved, by adctl': (redis) => adctl(['creative', 'set', 'other', 'campaign=a'], { redis }),
  };
  for (const [way, come] of Object.entries(ways)) {
    const { redis, run } = await setUp(t, 'MULTI', (redis, n) => n === 1 && come(redis));
    await redis.command('HSET', 'ad:creative:other', ...fields, 'campaign', 'b');
    await redis.command('SADD', 'ad:creatives', 'other');
    const result = await run(['campaign', 'delete', 'a']);
    assert.equal(result.code, 1, way);
    assert.match(result.stderr, /^adctl: campaign a: creatives belong to it/, way);
    assert.equal(await redis.command('EXISTS', 'ad:campaign:a'), 1, way);
  }
});

// More entries than are watched one by one (CHANGE_WATCH_MAX): the sets and the audit are watched.
test('a large import notices adctl and new entries', async (t) => {
  const ways = {
    adctl: (redis) => adctl(['slot', 'create', 's0', 'name=Theirs'], { redis }),
    'redis-cli': (redis) => redis.command('SADD', 'ad:slots', 's-new'),
  };
  for (const [way, write] of Object.entries(ways)) {
    const { redis, proxy, run } = await setUp(t, 'MULTI', (redis, n) => n === 1 && write(redis));
    const slots = Array.from({ length: 4200 }, (_, i) => ({ id: `s${i}`, sizes: ['1x1'] }));
    const result = await run(['import', '-'], JSON.stringify({ slots }));
    assert.equal(result.code, 0, result.stderr);
    assert.equal(proxy.seen, 2, way);
    assert.deepEqual(await redis.client.hash('ad:slot:s0'), { sizes: '1x1' }, way);
  }
});

test('a connection that breaks during the transaction', async (t) => {
  const { redis, run } = await setUp(t, 'MULTI', (redis) => redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
  const result = await run(['campaign', 'set', 'a', 'weight=5']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^adctl: Redis at 127\.0\.0\.1:\d+: /);
  assert.match(result.stderr, /^adctl: the change: it is not known whether it was written/m);
  assert.equal(await redis.command('HGET', 'ad:campaign:a', 'weight'), '1');
});
