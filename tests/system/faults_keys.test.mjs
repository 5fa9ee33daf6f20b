// What should not stand in Redis under our names, and what should not come from clients into its commands:
// keys of other types, garbage, all keys gone, hostile bytes.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { delay, importCatalog, request, startRedis, startServer, until, whenDone } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, patient, report } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };
const only = (id, slot, rest) => ({ id, slots: slot, ...rest, creatives: [{ id: `${id}-1`, ...picture }] });
// A slot each, so that each is asked for alone.
const catalog = {
  slots: ['plain', 'priced', 'bound', 'capped', 'other'].map((id) => ({ id, sizes: '728x90' })),
  campaigns: [
    only('plain', 'plain'),
    only('priced', 'priced', { cpm: '2.5', cpc: '0.3' }),
    only('bound', 'bound', { goal_impressions: 1000000, pacing: 'asap' }),
    only('capped', 'capped', { caps: '1000/1d' }),
    only('other', 'other'),
  ],
};
const campaigns = catalog.campaigns.map(({ id }) => id);
const asBrowser = { headers: { 'User-Agent': browser } };

async function start(t, options) {
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const settings = { ...patient, 'server.workers': 2, 'bots.clicks_per_minute': 100000, ...options };
  const server = await startServer({ t, redis, options: settings, allowErrors: true });
  const key = newestKey(`${server.options['server.state_dir']}/keyring`);
  return { redis, server, key };
}

// An ad of the campaign and all its events: how many of these were acknowledged, and which statuses there were.
async function visit({ server, key }, id) {
  const [ad] = await server.ads({ slot: id, uid: 'reader-0001' }, asBrowser);
  const token = ad.campaign ? ad.impression_url.split('/v1/i/')[1] : signToken(key, { campaign: id, creative: `${id}-1`, slot: id, landing: picture.landing });
  const answers = {};
  for (const kind of ['i', 'v', 'c']) answers[kind] = (await report(`${server.base}/v1/${kind}/${token}`)).status;
  assert.ok([204, 503].includes(answers.i) && [204, 503].includes(answers.v), JSON.stringify(answers));
  assert.equal(answers.c, 302, 'a reader gets where he goes');
  return { served: ad.campaign === id, reason: ad.unfilled, ...answers };
}

const impressionsOf = async (redis, id) => Number((await redis.client.hash(`ad:total:{${id}}`)).impressions ?? 0);

// Puts another type in place of a key, gives back how to undo it.
async function spoil(redis, key) {
  await redis.command('DEL', 'kept');
  const existed = await redis.command('COPY', key, 'kept');
  const type = existed ? await redis.command('TYPE', key) : 'none';
  await redis.command('DEL', key);
  await (type === 'list' ? redis.command('SADD', key, 'of another type') : redis.command('RPUSH', key, 'of another type'));
  return () => redis.client.pipeline([['DEL', key], ...(existed ? [['RENAME', 'kept', key]] : [])]);
}

// ad:mark:{spring}:… is of the kind `mark`.
const kindOf = (key) => /^ad:([a-z]+)/.exec(key)[1];
const catalogKinds = ['slots', 'campaigns', 'creatives', 'slot', 'campaign', 'creative'];

test('another type under every key that servers write: others go on, and so does it when it is mended', async (t) => {
  const all = await start(t, { 'events.stream': 'on' });
  const { redis, server } = all;
  for (const id of campaigns) assert.deepEqual(await visit(all, id), { served: true, reason: undefined, i: 204, v: 204, c: 302 }, id);
  await until(async () => (await Promise.all(campaigns.map((id) => redis.client.hash(`ad:total:{${id}}`)))).every(({ serves }) => serves), { what: 'serves are written' });
  const keys = (await redis.command('KEYS', 'ad:*')).filter((key) => !catalogKinds.includes(kindOf(key)) && !key.includes('{other}')).sort();
  const kinds = new Set(keys.map(kindOf));
  for (const kind of ['seen', 'mark', 'count', 'total', 'goal', 'cap', 'batch', 'clicks', 'secret', 'events', 'streams']) assert.ok(kinds.has(kind), `${kind} is not among ${[...kinds]}`);
  keys.push('ad:month:{plain}:202601', 'ad:compacted:{plain}', 'ad:compacting', 'ad:probe', 'ad:audit', 'ad:traffic', 'ad:requests');
  let others = await impressionsOf(redis, 'other');
  for (const key of keys) {
    const mend = await spoil(redis, key);
    const concerned = key.includes('{') ? campaigns.filter((id) => id === 'other' || key.includes(`{${id}}`)) : campaigns;
    if (kindOf(key) === 'cap') concerned.unshift('capped');
    for (const id of concerned) {
      const before = await impressionsOf(redis, id).catch(() => null);
      const told = await visit(all, id);
      const after = await impressionsOf(redis, id).catch(() => null);
      if (id === 'other') assert.deepEqual(told, { served: true, reason: undefined, i: 204, v: 204, c: 302 }, key);
      if (id === 'other') others++;
      // Acknowledged is counted, and what is refused is not.
      if (before !== null && told.served) assert.equal(after - before, told.i === 204 || told.v === 204 ? 1 : 0, `${key}: ${id} ${JSON.stringify(told)}`);
      if (!told.served) assert.ok(['cap', 'goal_met', 'redis_away', 'no_viewer'].includes(told.reason), `${key}: ${id} ${told.reason}`);
    }
    assert.equal((await server.stats()).redis.connected, true, key);
    await mend();
    for (const id of concerned.filter((one) => one !== 'other'))
      await until(async () => (await visit(all, id)).i === 204, { what: `${key} is mended: ${id} counts again` });
  }
  assert.equal(await impressionsOf(redis, 'other'), others, 'the neighbour has lost nothing');
  const { workers } = await server.stats();
  assert.ok(workers.every(({ restarts }) => restarts === 0));
});

test('garbage where a number or a mark should stand: refused or counted, never counted twice', async (t) => {
  const all = await start(t);
  const { redis } = all;
  await visit(all, 'plain');
  await visit(all, 'priced');
  const hour = (await redis.command('KEYS', 'ad:count:{plain}:*'))[0];
  for (const [key, field] of [['ad:total:{plain}', 'impressions'], [hour, 'plain-1|plain|impressions']]) {
    const before = await redis.command('HGET', key, field);
    for (const garbage of ['', 'many', '1e3', '0x10', ' 1', '1.5', '99999999999999999999']) {
      await redis.command('HSET', key, field, garbage);
      assert.deepEqual(await visit(all, 'plain'), { served: true, reason: undefined, i: 503, v: 503, c: 302 }, `${field} ${garbage}`);
      assert.equal(await redis.command('HGET', key, field), garbage, 'it stays for somebody to look at');
    }
    await redis.command('HSET', key, field, before);
  }
  // A mark that says nothing, or is gone, costs no event and repeats none.
  for (const garbage of ['', 'nonsense', '-1:1', '0:', null]) {
    for (const key of await redis.command('KEYS', 'ad:mark:*'))
      await (garbage === null ? redis.command('DEL', key) : redis.command('SET', key, garbage));
    for (const id of ['plain', 'priced']) {
      const before = await impressionsOf(redis, id);
      const { i, v } = await visit(all, id);
      assert.deepEqual([i, v], [204, 204]);
      await until(async () => (await all.server.stats()).spool.waiting === 0);
      assert.equal(await impressionsOf(redis, id), before + 1, `${id}, mark ${JSON.stringify(garbage)}`);
    }
  }
  const { sums, total } = await countsInRedis(redis, 'plain');
  assert.deepEqual({ ...sums, serves: 0 }, { ...total, serves: 0 });
});

test('FLUSHALL while events come: what is acknowledged after it is counted once, and all goes on', async (t) => {
  const all = await start(t);
  const { redis, server, key } = all;
  const impressions = async (count) => {
    const answers = await inParallel(count, 8, () => report(`${server.base}/v1/i/${signToken(key, { campaign: 'plain', creative: 'plain-1', slot: 'plain' })}`));
    assert.ok(answers.every(({ status }) => status === 204));
  };
  for (let round = 0; round < 3; round++) {
    await impressions(50);
    let going = true;
    let meanwhile = 0;
    const stream = (async () => {
      for (; going; meanwhile++) await impressions(1);
    })();
    await until(() => meanwhile > 5);
    await redis.command('FLUSHALL');
    const upTo = meanwhile;
    await until(() => meanwhile > upTo + 20);
    going = false;
    await stream;
    await impressions(50);
    await until(async () => (await server.stats()).spool.waiting === 0);
    const { total, sums } = await countsInRedis(redis, 'plain');
    // What Redis was too slow for waits here, and may be counted behind the FLUSHALL.
    const { spooled } = (await server.stats()).events;
    const [least, most] = [meanwhile - upTo - 1 + 50, meanwhile - upTo + 1 + 50 + spooled];
    assert.ok(total.impressions >= least && total.impressions <= most, `${total.impressions} counted, ${least} to ${most} acknowledged`);
    assert.equal(sums.impressions, total.impressions);
    assert.equal(total.duplicate, undefined);
    await until(async () => (await server.get('/v1/ads?slot=plain')).status === 404, { what: 'the catalog is empty' });
    await importCatalog(redis, catalog);
    await until(async () => (await server.get('/v1/ads?slot=plain')).status === 200);
    await until(async () => (await server.ads({ slot: 'plain' }, asBrowser))[0].campaign === 'plain');
  }
});

// ---- Hostile bytes ------------------------------------------------------------------------------------

// All commands that Redis is sent from now on: lists of arguments, their bytes as latin1.
async function overhear(t, redis) {
  const socket = net.connect(redis.port, '127.0.0.1');
  whenDone(t, () => socket.destroy());
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (bytes) => (text += bytes));
  socket.write('MONITOR\r\n');
  await until(() => text.includes('+OK'));
  const bytesOf = (quoted) => JSON.parse(quoted.replace(/\\x([0-9a-f]{2})/g, '\\u00$1').replace(/\\a/g, '\\u0007'));
  return () => text.split('\r\n').filter((line) => /^\+\d/.test(line)).map((line) => line.match(/"(?:[^"\\]|\\.)*"/g).map(bytesOf));
}

const hostile = [
  '\r\nFLUSHALL\r\n',
  '*1\r\n$8\r\nFLUSHALL\r\n',
  '$5\r\nhello',
  '{braces}',
  '}{',
  '{spring}:x',
  '\0\x01\x7f',
  'a b\tc',
  '"quoted" \'and\' \\back',
  '%b%s%n%d',
  '\xff\xfe\x80',
  '../../etc',
  'ad:total:{plain}',
  'x'.repeat(4000),
  '{'.repeat(1000),
];
const encoded = (text) => [...Buffer.from(text, 'latin1')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

test('hostile bytes in parameters, headers and tokens are never more than bytes of a value', async (t) => {
  const all = await start(t, { 'server.trusted_proxies': '127.0.0.1', 'forecast.sample_ppm': 1000000 });
  const { redis, server, key } = all;
  const heard = await overhear(t, redis);
  let answered = 0;
  const ask = async (where, headers = {}) => {
    const answer = await request(server.base + where, { headers: { 'User-Agent': browser, ...headers } });
    assert.ok([200, 204, 302, 400, 403, 404, 414, 431].includes(answer.status), `${answer.status} ${where.slice(0, 200)}`);
    answered++;
  };
  for (const text of hostile) {
    const value = encoded(text);
    for (const name of ['uid', 'url', 'ref', 'kw', 'kv.section', 'consent', 'page', 'preview']) await ask(`/v1/ads?slot=capped&slot=bound&${name}=${value}`);
    for (const name of [value, `kv.${value}`, `slot=${value}&slot`]) await ask(`/v1/ads?slot=capped&${name}=1`);
    for (const kind of ['i', 'v', 'c', 'image', 'link', 'frame']) await ask(`/v1/${kind}/${value.slice(0, 3000)}`);
    const inHeader = text.replace(/[\0-\x1f\x7f]/g, '');
    for (const name of ['User-Agent', 'Referer', 'Accept-Language', 'X-Forwarded-For', 'Sec-Purpose']) await ask('/v1/ads?slot=capped&slot=bound', { [name]: inHeader });
    // Signed by us, as a key of ours that has come to others could.
    const short = Buffer.from(text, 'latin1').subarray(0, 60).toString('latin1');
    for (const field of ['campaign', 'creative', 'slot']) {
      const token = signToken(key, { campaign: 'plain', creative: 'plain-1', slot: 'plain', [field]: short.replace(/[^\0-\x7f]/g, '?') });
      await ask(`/v1/i/${token}`);
    }
  }
  const body = JSON.stringify({ slot: ['capped'], uid: hostile[0], kw: hostile, url: `https://a.example/${hostile[3]}`, kv: { [hostile[1]]: hostile[0] } });
  const posted = await request(`${server.base}/v1/ads`, { method: 'POST', body, headers: { 'Content-Type': 'application/json', 'User-Agent': browser } });
  assert.ok([200, 400].includes(posted.status));
  // What a reader may be called, at its greatest length, is known by hash alone.
  await ask(`/v1/ads?slot=capped&uid=${'x'.repeat(64)}`);
  await delay(300); // serves are written ten times a second
  assert.ok(answered > 300);
  const commands = heard();
  assert.ok(commands.length > 100);
  const known = /^(?:EVALSHA|EVAL|SCRIPT|PING|CLIENT|INFO|CONFIG|ROLE|HGETALL|SMEMBERS|SSCAN|HMGET|HGET|GET|SET|XADD|HINCRBY|HINCRBYFLOAT|EXPIRE|PEXPIRE|PTTL|INCR|INCRBY|BITFIELD|EXISTS|MGET|TIME|TYPE|XLEN|DEL|MULTI|EXEC|HSET|SELECT|PSUBSCRIBE|SUBSCRIBE|MONITOR|HDEL)$/i;
  const names = [...new Set(commands.map(([name]) => name.toUpperCase()))];
  assert.deepEqual(names.filter((name) => !known.test(name)), [], 'commands that nobody here sends');
  // Keys are ours, each with its one tag, and nothing hostile in it.
  const keys = await redis.command('KEYS', '*');
  const shape = /^ad:(?:slots|campaigns|creatives|(?:slot|campaign|creative):[a-z0-9._-]+|secret:[a-z0-9:]+|traffic|requests|requests:\d{8}|compacting|probe|[a-z]+:\{[A-Za-z0-9._-]+\}[A-Za-z0-9:._-]*)$/;
  assert.deepEqual(keys.filter((name) => !shape.test(name)), []);
  for (const id of campaigns) assert.equal((await visit(all, id)).i, 204);
});
