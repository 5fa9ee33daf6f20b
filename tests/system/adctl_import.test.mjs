// adctl import and export: all or nothing, the difference, the way there and back, hostile contents.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { adctl, removeDir, repository, smallCatalog, startRedis, tempDir, whenDone } from '../lib/harness.mjs';

// A Redis, and adctl on it.
async function setUp(t) {
  const redis = await startRedis({ t });
  const run = (args, settings) => adctl(args, { redis, ...settings });
  const importJson = (catalog, ...flags) =>
    run(['import', '-', ...flags], { input: typeof catalog === 'string' ? catalog : JSON.stringify(catalog) });
  // All keys with their contents: what "nothing was written" means.
  const dump = async () => {
    const all = {};
    for (const key of (await redis.command('KEYS', '*')).sort()) all[key] = await redis.command('DUMP', key);
    return all;
  };
  return { redis, run, importJson, dump };
}

async function good(promise) {
  const result = await promise;
  assert.equal(result.code, 0, result.stderr);
  return result;
}

function refused(result, ...patterns) {
  assert.equal(result.code, 1, result.stdout + result.stderr);
  assert.equal(result.stdout, '');
  for (const pattern of patterns) assert.match(result.stderr, pattern);
}

const slot = (id, fields) => ({ id, sizes: ['970x250'], ...fields });
const campaign = (id, fields) => ({ id, slots: ['header'], ...fields });
const creative = (id, fields) => ({ id, type: 'text', title: 'T', landing: 'https://a.example/', ...fields });

test('an import writes hashes that redis-cli reads', async (t) => {
  const { redis, importJson } = await setUp(t);
  const result = await good(
    importJson({
      slots: [slot('header', { name: 'Über den Bäumen', sizes: ['970x250', '728x90'] })],
      campaigns: [
        campaign('spring', {
          weight: 3,
          cpm: 4.5,
          caps: ['1/10m', '3/1d'],
          creatives: [creative('spring-text', { cta: 'Go' })],
        }),
      ],
    }),
  );
  assert.deepEqual(await redis.client.hash('ad:slot:header'), {
    name: 'Über den Bäumen',
    sizes: '970x250,728x90',
  });
  assert.deepEqual(await redis.client.hash('ad:campaign:spring'), {
    weight: '3',
    slots: 'header',
    cpm: '4.5',
    caps: '1/10m,3/1d',
  });
  assert.deepEqual(await redis.client.hash('ad:creative:spring-text'), {
    campaign: 'spring',
    type: 'text',
    title: 'T',
    cta: 'Go',
    landing: 'https://a.example/',
  });
  for (const [set, id] of [['slots', 'header'], ['campaigns', 'spring'], ['creatives', 'spring-text']])
    assert.deepEqual(await redis.command('SMEMBERS', `ad:${set}`), [id]);
  assert.match(result.stdout, /^\+ slot header\n {4}name: Über den Bäumen\n {4}sizes: 970x250,728x90\n\+ campaign/);
  assert.match(result.stdout, /\n3 new\n$/);
  assert.equal(result.stderr, '');
});

test('the difference, field by field, and fields that are not in the file go', async (t) => {
  const { redis, importJson } = await setUp(t);
  await good(importJson({ slots: [slot('header'), slot('other')], campaigns: [campaign('a', { weight: 1, cpm: 4.5 })] }));
  const result = await good(importJson({ campaigns: [campaign('a', { weight: 2, caps: ['1/1d'] })] }));
  assert.equal(
    result.stdout,
    '~ campaign a\n    weight: 1 → 2\n    caps: (none) → 1/1d\n    cpm: 4.5 → (none)\n1 changed\n',
  );
  assert.deepEqual(await redis.client.hash('ad:campaign:a'), { slots: 'header', weight: '2', caps: '1/1d' });
  assert.deepEqual(await redis.client.hash('ad:slot:other'), { sizes: '970x250' }, 'what is not in the file stays');
});

test('a dry run shows the same and writes nothing', async (t) => {
  const { importJson, dump } = await setUp(t);
  await good(importJson({ slots: [slot('header')] }));
  const before = await dump();
  const catalog = { slots: [slot('header', { name: 'New' }), slot('other')] };
  const dry = await good(importJson(catalog, '--dry-run'));
  assert.deepEqual(await dump(), before);
  const wet = await good(importJson(catalog));
  assert.equal(dry.stdout, `${wet.stdout}dry run: nothing was written\n`);
});

test('one bad entry among many: nothing is written, and all mistakes are told', async (t) => {
  const { importJson, dump } = await setUp(t);
  await good(importJson({ slots: [slot('header')] }));
  const before = await dump();
  const campaigns = Array.from({ length: 200 }, (_, i) =>
    campaign(`c${i}`, { creatives: [creative(`c${i}-a`), creative(`c${i}-b`)] }),
  );
  campaigns[2].creatives[0].landing = 'javascript:alert(1)';
  campaigns[150].weight = 0;
  campaigns[199].creatives[1].kaption = 'x';
  const catalog = { slots: [slot('header', { name: 'New' })], campaigns };
  for (const flags of [[], ['--dry-run']]) {
    const result = await importJson(catalog, ...flags);
    refused(
      result,
      /^adctl: campaigns\[2\]\.creatives\[0\]\.landing: .*; allowed: an http or https address/m,
      /^adctl: campaigns\[150\]\.weight: 0 is out of range; allowed: a whole number from 1 to 1000000$/m,
      /^adctl: campaigns\[199\]\.creatives\[1\]\.kaption: a creative has no such field; allowed: campaign, /m,
    );
    assert.equal(result.stderr.trim().split('\n').length, 3, result.stderr);
  }
  assert.deepEqual(await dump(), before);
});

test('mistakes by the hundred are counted', async (t) => {
  const { importJson } = await setUp(t);
  const slots = Array.from({ length: 250 }, (_, i) => slot(`s${i}`, { sizes: ['0x0'] }));
  const result = await importJson({ slots });
  refused(result, /^adctl: slots\[0\]\.sizes: /, /\nadctl: and 150 more mistakes\n$/);
  assert.equal(result.stderr.trim().split('\n').length, 101);
});

test('what is no document', async (t) => {
  const { importJson, run } = await setUp(t);
  refused(await importJson(''), /^adctl: -:1:0: no JSON: /);
  refused(await importJson('{"slots":[\n{"id":"a","id":"b"}]}'), /^adctl: -:2:\d+: no JSON: duplicate object key/);
  refused(await importJson('[]'), /^adctl: -: it is an array; allowed: an object/);
  refused(await importJson('{"creatives":[]}'), /^adctl: creatives: creatives stand in their campaigns/);
  refused(await importJson('['.repeat(100000)), /^adctl: -:1:2049: no JSON: maximum parsing depth/);
  refused(await importJson('{"slots":[{"id":"a","name":"x\\u0000y"}]}'), /u0000 is not allowed/);
  refused(await run(['import', '/nowhere/file.json']), /^adctl: \/nowhere\/file\.json: cannot be read: No such file/);
  refused(await run(['import', '/tmp']), /^adctl: \/tmp: cannot be read: Is a directory/);
});

test('export gives what import takes, and back', async (t) => {
  const { redis, run, importJson, dump } = await setUp(t);
  const dir = tempDir('export');
  whenDone(t, () => removeDir(dir));
  await good(run(['import', path.join(repository, 'config/demo.json')]));
  await good(importJson(smallCatalog));
  // Forms that people write by hand.
  await redis.command('HSET', 'ad:campaign:spring', 'cpm', '3.20', 'caps', ' 3/1d , 1/10m', 'weight', '007', 'name', '');
  const first = await good(run(['export']));
  assert.equal(first.stderr, '');
  assert.equal(first.stdout, (await run(['export'])).stdout, 'the order is stable');
  const exported = JSON.parse(first.stdout);
  const spring = exported.campaigns.find(({ id }) => id === 'spring');
  assert.deepEqual(
    [spring.cpm, spring.caps, spring.weight, spring.name, spring.slots],
    [3.2, ['3/1d', '1/10m'], 7, undefined, ['header']],
  );
  assert.deepEqual(
    exported.campaigns.map(({ id }) => id),
    exported.campaigns.map(({ id }) => id).sort(),
  );
  const before = await dump();
  assert.equal((await good(importJson(first.stdout))).stdout, 'nothing changes\n');
  assert.deepEqual(await dump(), before);

  const file = path.join(dir, 'export.json');
  writeFileSync(file, first.stdout);
  await redis.command('FLUSHALL');
  await good(run(['import', file]));
  assert.equal((await run(['export'])).stdout, first.stdout);
});

test('export tells what import would refuse or JSON cannot hold', async (t) => {
  const { redis, run, importJson } = await setUp(t);
  await good(importJson(smallCatalog));
  await redis.command('HSET', 'ad:campaign:books', 'weight', 'heavy');
  await redis.command('HSET', 'ad:slot:header', 'name', Buffer.from('caf\xe9', 'latin1'));
  await redis.command('SADD', 'ad:creatives', 'lost', 'nothing');
  await redis.command('HSET', 'ad:creative:lost', 'campaign', 'gone', 'type', 'text', 'title', 'x', 'landing', 'http://a.example/');
  const result = await run(['export']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^adctl: ad:campaign:books weight: "heavy" is not a whole number/m);
  assert.match(result.stderr, /^adctl: slot header: JSON can't hold it, it is left out/m);
  assert.match(result.stderr, /^adctl: creative lost: it is left out, as its campaign "gone" is/m);
  assert.match(result.stderr, /^adctl: ad:creative:nothing: there is no such key, but ad:creatives lists it/m);
  const { slots, campaigns } = JSON.parse(result.stdout);
  assert.deepEqual(slots.map(({ id }) => id), ['post-top']);
  assert.equal(campaigns.find(({ id }) => id === 'books').weight, 'heavy', 'work is not lost for a mistake');
});

test('hostile strings are values, never commands or keys', async (t) => {
  const { redis, run, importJson } = await setUp(t);
  const names = [
    'a  b', ' padded ', "o'neill \"q\" `x` $(id)", '{spring}', '*1', '$5', '<script>alert(1)</script>',
    '\u{1f600} 春', '\\u0000 \\n', '%s%n%d', "'; FLUSHALL; --",
  ];
  const slots = names.map((name, i) => slot(`s${i}`, { name }));
  await good(importJson({ slots }));
  for (const [i, name] of names.entries()) assert.equal(await redis.command('HGET', `ad:slot:s${i}`, 'name'), name);
  const exported = JSON.parse((await good(run(['export']))).stdout);
  assert.deepEqual(exported.slots.map(({ name }) => name).sort(), [...names].sort());

  for (const name of ['a\r\nSET x 1\r\n', 'a\nb', 'a\u001b[2J', 'a\u0085b', 'a\u007fb'])
    refused(await importJson({ slots: [slot('x', { name })] }), /^adctl: slots\[0\]\.name: /);
  for (const id of ['', 'a b', 'A', '../x', 'a\r\nb', '{a}', 'ä', '-a', 'a'.repeat(65), '*'])
    refused(await importJson({ slots: [slot(id)] }), /^adctl: slots\[0\]\.id: .* is not an id; allowed: 1 to 64/);
  assert.equal(await redis.command('EXISTS', 'x'), 0);
  assert.equal(await redis.command('SCARD', 'ad:slots'), names.length);
});

test('a campaign that names a slot that is not there is written, and that is said', async (t) => {
  const { redis, importJson } = await setUp(t);
  const catalog = {
    slots: [slot('header')],
    campaigns: [campaign('a', { slots: ['header', 'haeder'], exclusions: ['cars'], roadblock: 'all' })],
  };
  for (const flags of [['--dry-run'], []]) {
    const result = await good(importJson(catalog, ...flags));
    assert.equal(
      result.stderr,
      'adctl: note: campaign a: there is no slot haeder\n',
    );
  }
  assert.equal(await redis.command('HGET', 'ad:campaign:a', 'exclusions'), 'cars');
});

test('a creative moves with the file', async (t) => {
  const { redis, importJson } = await setUp(t);
  await good(importJson({ slots: [slot('header')], campaigns: [campaign('a', { creatives: [creative('c')] }), campaign('b')] }));
  const result = await good(importJson({ campaigns: [campaign('b', { creatives: [creative('c')] })] }));
  assert.equal(result.stdout, '~ creative c\n    campaign: a → b\n1 changed\n');
  assert.equal(await redis.command('HGET', 'ad:creative:c', 'campaign'), 'b');
});

test('keys of another type are refused, and everything else with them', async (t) => {
  const { redis, importJson, dump } = await setUp(t);
  const catalog = { slots: [slot('good'), slot('bad')] };
  for (const [key, message] of [
    ['ad:slot:bad', /^adctl: ad:slot:bad: it is a string; allowed: a hash/],
    ['ad:slots', /^adctl: ad:slots: it is a string; allowed: a set/],
    ['ad:creatives', /^adctl: ad:creatives: it is a string; allowed: a set/],
    ['ad:audit', /^adctl: ad:audit: it is a string; allowed: a stream/],
  ]) {
    await redis.command('SET', key, 'foreign');
    const before = await dump();
    refused(await importJson(catalog), message);
    assert.deepEqual(await dump(), before);
    await redis.command('DEL', key);
  }
  await good(importJson(catalog));
});

test('ids that were not in their set are said to be new', async (t) => {
  const { redis, importJson } = await setUp(t);
  await redis.command('HSET', 'ad:slot:header', 'sizes', '970x250');
  const result = await good(importJson({ slots: [slot('header')] }));
  assert.match(result.stdout, /^\+ slot header\n {4}its fields were there, but no server saw them/);
  assert.deepEqual(await redis.command('SMEMBERS', 'ad:slots'), ['header']);
});

// Ten imports at once of the same entries, each with a field of its own: whichever is last, its entries
// are whole, and nothing of the others is left in them.
test('concurrent imports do not mix', async (t) => {
  const { redis, run, importJson } = await setUp(t);
  const ids = Array.from({ length: 20 }, (_, i) => `c${i}`);
  const catalogs = Array.from({ length: 10 }, (_, n) => ({
    slots: [slot('header')],
    campaigns: ids.map((id) => campaign(id, { [`kv.version${n}`]: ['x'] })),
  }));
  const results = await Promise.all(catalogs.map((catalog) => importJson(catalog)));
  for (const result of results) assert.equal(result.code, 0, result.stderr);
  const fields = await Promise.all(ids.map((id) => redis.command('HKEYS', `ad:campaign:${id}`)));
  const [first] = fields;
  assert.equal(first.length, 2, first.join());
  for (const names of fields) assert.deepEqual(names.sort(), first.sort());
  assert.equal(await redis.command('XLEN', 'ad:audit'), 10);
  assert.equal((await run(['validate'])).code, 0);
});

test('of those who create the same entry at once one succeeds', async (t) => {
  const { redis, run } = await setUp(t);
  for (let round = 0; round < 5; round++) {
    const id = `s${round}`;
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, n) => run(['slot', 'create', id, `name=${n}`])),
    );
    assert.deepEqual(results.map(({ code }) => code).sort(), [0, 1, 1, 1, 1, 1, 1, 1]);
    const winner = results.findIndex(({ code }) => code === 0);
    assert.equal(await redis.command('HGET', `ad:slot:${id}`, 'name'), String(winner));
    for (const { code, stderr } of results) if (code) assert.match(stderr, /it exists already/);
  }
  assert.equal(await redis.command('XLEN', 'ad:audit'), 5);
});

test('a large import goes through in one piece', async (t) => {
  const { redis, run, importJson } = await setUp(t);
  const campaigns = Array.from({ length: 1500 }, (_, i) =>
    campaign(`c${i}`, { creatives: [0, 1, 2].map((n) => creative(`c${i}-${n}`)) }),
  );
  const result = await good(importJson({ slots: [slot('header')], campaigns }));
  assert.match(result.stdout, /\n6001 new\n$/);
  assert.equal(await redis.command('SCARD', 'ad:creatives'), 4500);
  const exported = await good(run(['export']));
  assert.equal((await good(importJson(exported.stdout))).stdout, 'nothing changes\n');
  const [[, line]] = await redis.command('XRANGE', 'ad:audit', '-', '+');
  const told = JSON.parse(line[line.indexOf('changes') + 1]).length;
  assert.equal(told + Number(line[line.indexOf('omitted') + 1]), 6001);
});

test('a Redis that refuses writes leaves everything as it was', async (t) => {
  const { redis, importJson, dump } = await setUp(t);
  await good(importJson({ slots: [slot('header')] }));
  const before = await dump();
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  refused(await importJson({ slots: [slot('header', { name: 'New' }), slot('other')] }), /OOM command not allowed/);
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  assert.deepEqual(await dump(), before);
});

test('a Redis that is not there, or answers nothing', async (t) => {
  const redis = await startRedis({ t });
  await redis.kill();
  const result = await adctl(['export'], { redis });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^adctl: Redis at 127\.0\.0\.1:\d+: Connection refused/);
});
