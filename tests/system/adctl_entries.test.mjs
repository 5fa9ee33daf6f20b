// adctl's commands for single slots, campaigns and creatives, the checks of all of them, snippets.
import assert from 'node:assert/strict';
import test from 'node:test';
import { adctl, importCatalog, smallCatalog, startRedis } from '../lib/harness.mjs';

async function setUp(t) {
  const redis = await startRedis({ t });
  const run = (...args) => adctl(args, { redis });
  const good = async (...args) => {
    const result = await run(...args);
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
    return result;
  };
  const refused = async (args, pattern) => {
    const before = await redis.command('XLEN', 'ad:audit');
    const result = await run(...args);
    assert.equal(result.code, 1, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
    assert.match(result.stderr, pattern);
    assert.equal(result.stdout, '');
    assert.equal(await redis.command('XLEN', 'ad:audit'), before);
  };
  return { redis, run, good, refused };
}

async function setUpSmall(t) {
  const all = await setUp(t);
  await importCatalog(all.redis, smallCatalog);
  return all;
}

test('create', async (t) => {
  const { redis, good, refused } = await setUp(t);
  await good('slot', 'create', 'header', 'sizes=970x250,728x90', 'name=Über allem');
  await good('campaign', 'create', 'spring', 'slots=header', 'caps=1/10m,3/1d', 'cpm=');
  const landing = 'https://shop.example/?a=b&c=d';
  const result = await good(
    'creative', 'create', 'c1', 'campaign=spring', 'type=text', 'title=T', `landing=${landing}`,
  );
  assert.match(result.stdout, /^\+ creative c1\n {4}campaign: spring\n/);
  assert.deepEqual(await redis.client.hash('ad:campaign:spring'), { slots: 'header', caps: '1/10m,3/1d' });
  assert.equal(await redis.command('HGET', 'ad:creative:c1', 'landing'), landing);
  assert.equal(await redis.command('SISMEMBER', 'ad:creatives', 'c1'), 1);

  await refused(['slot', 'create', 'header'], /^adctl: slot header: it exists already; allowed: a new id, or `slot set`/);
  await refused(['slot', 'create', 'Header'], /^adctl: slot Header: this is not an id; allowed: 1 to 64/);
  await refused(['slot', 'create', 'a\r\nb'], /^adctl: slot a\\x0d\\x0ab: this is not an id/);
  await refused(['campaign', 'create', 'x', 'weight=0'], /^adctl: campaign x weight: .*\nadctl: campaign x slots: it is missing/);
  await refused(['campaign', 'create', 'x', 'slots=*', 'bogus=1'], /^adctl: campaign x bogus: a campaign has no such field/);
});

test('a slot of which nothing is said is a slot', async (t) => {
  const { redis, good } = await setUp(t);
  await good('slot', 'create', 'bare');
  assert.deepEqual(await redis.client.hash('ad:slot:bare'), { status: 'active' });
  assert.equal((await good('slot', 'set', 'bare', 'status=')).stdout, 'nothing changes\n');
});

test('set', async (t) => {
  const { redis, good, refused } = await setUpSmall(t);
  const result = await good('campaign', 'set', 'spring', 'weight=3', 'caps=1/10m,3/1d', 'name=');
  assert.equal(
    result.stdout,
    '~ campaign spring\n    weight: (none) → 3\n    caps: (none) → 1/10m,3/1d\n    name: Spring → (none)\n1 changed\n',
  );
  assert.deepEqual(await redis.client.hash('ad:campaign:spring'), {
    slots: 'header',
    weight: '3',
    caps: '1/10m,3/1d',
  });
  assert.equal((await good('campaign', 'set', 'spring', 'weight=3')).stdout, 'nothing changes\n');
  await good('creative', 'set', 'books-728', 'alt=a = b');
  assert.equal(await redis.command('HGET', 'ad:creative:books-728', 'alt'), 'a = b');

  await refused(['campaign', 'set', 'spring', 'weight=x'], /^adctl: campaign spring weight: "x" is not a whole number; allowed: /);
  await refused(['campaign', 'set', 'spring', 'slots='], /^adctl: campaign spring slots: it is missing/);
  await refused(['campaign', 'set', 'summer', 'weight=3'], /^adctl: campaign summer: there is no such campaign/);
  await refused(['creative', 'set', 'books-728', 'landing=https://u:p@a.example/'], /^adctl: creative books-728 landing: /);
});

test('set mends an entry that is refused', async (t) => {
  const { redis, good, run } = await setUpSmall(t);
  await redis.command('HSET', 'ad:campaign:spring', 'weight', 'heavy', 'bogus', '');
  assert.equal((await run('campaign', 'pause', 'spring')).code, 1, 'it would stay refused');
  await good('campaign', 'set', 'spring', 'weight=2', 'bogus=');
  assert.equal(await redis.command('HEXISTS', 'ad:campaign:spring', 'bogus'), 0);
  await good('validate');
});

test('pause, resume, archive', async (t) => {
  const { redis, good, refused } = await setUpSmall(t);
  const status = (kind, id) => redis.command('HGET', `ad:${kind}:${id}`, 'status');
  for (const [kind, ids] of [['slot', ['header', 'post-top']], ['campaign', ['spring', 'books']], ['creative', ['books-728']]]) {
    for (const [verb, word] of [['pause', 'paused'], ['resume', 'active'], ['archive', 'archived']]) {
      if (kind === 'slot' && verb === 'archive') continue;
      await good(kind, verb, ...ids);
      for (const id of ids) assert.equal(await status(kind, id), word);
    }
  }
  await refused(['slot', 'archive', 'header'], /^adctl: slot archive: a slot is active or paused, not archived; allowed: slot pause, slot delete/);
  await refused(['campaign', 'pause', 'books', 'gone'], /^adctl: campaign gone: there is no such campaign/);
  assert.equal(await status('campaign', 'books'), 'archived', 'all or nothing');
  await refused(['campaign', 'pause', 'books', 'books'], /^adctl: campaign books: it is named twice/);
});

test('delete a slot', async (t) => {
  const { redis, good, refused } = await setUpSmall(t);
  await refused(['slot', 'delete', 'header'], /^adctl: slot header: campaigns name it: spring; allowed: when none does, or with --force/);
  const result = await good('slot', 'delete', 'header', '--force');
  assert.equal(result.stdout, '- slot header\n1 deleted\n');
  assert.deepEqual(await redis.command('SMEMBERS', 'ad:slots'), ['post-top']);
  assert.equal(await redis.command('EXISTS', 'ad:slot:header'), 0);
  await redis.command('HSET', 'ad:campaign:books', 'slots', '*');
  await good('slot', 'delete', 'post-top');
});

test('delete a campaign', async (t) => {
  const { redis, good, refused } = await setUpSmall(t);
  await redis.command('HSET', 'ad:total:{spring}', 'impressions', '7');
  await refused(['campaign', 'delete', 'spring'], /^adctl: campaign spring: creatives belong to it: spring-970; allowed: when none does, or with --with-creatives/);
  const many = Array.from({ length: 12 }, (_, i) => `b${i}`);
  for (const id of many) await redis.command('HSET', `ad:creative:${id}`, 'campaign', 'books');
  await redis.command('SADD', 'ad:creatives', ...many);
  await refused(['campaign', 'delete', 'books'], /creatives belong to it: b0 b1 b10 b11 b2 b3 b4 b5 b6 b7 and 3 more; allowed: /);
  await good('creative', 'delete', ...many);
  const dry = await good('campaign', 'delete', 'spring', '--with-creatives', '--dry-run');
  assert.equal(dry.stdout, '- creative spring-970\n- campaign spring\n2 deleted\ndry run: nothing was written\n');
  assert.equal(await redis.command('EXISTS', 'ad:campaign:spring'), 1);
  await good('campaign', 'delete', 'spring', '--with-creatives');
  assert.deepEqual(await redis.command('SMEMBERS', 'ad:campaigns'), ['books']);
  assert.deepEqual(await redis.command('SMEMBERS', 'ad:creatives'), ['books-728']);
  assert.equal(await redis.command('HGET', 'ad:total:{spring}', 'impressions'), '7', 'counts stay');
  await good('creative', 'delete', 'books-728');
  await good('campaign', 'delete', 'books');
  await refused(['campaign', 'delete', 'books'], /^adctl: campaign books: there is no such campaign/);
});

test('delete cleans up what is half there', async (t) => {
  const { redis, good } = await setUp(t);
  await redis.command('SADD', 'ad:slots', 'listed', 'foreign');
  await redis.command('HSET', 'ad:slot:hidden', 'name', 'x');
  await redis.command('SET', 'ad:slot:foreign', 'x');
  await good('slot', 'delete', 'listed', 'hidden', 'foreign');
  assert.deepEqual(await redis.command('KEYS', 'ad:slot*'), []);
});

// Ten deletions against ten creations: whoever is first, no creative is left without its campaign unless
// its creation was told so.
test('a deletion and a creation at once', async (t) => {
  const { redis, run } = await setUp(t);
  for (let round = 0; round < 5; round++) {
    await redis.command('FLUSHALL');
    assert.equal((await run('campaign', 'create', 'a', 'slots=*')).code, 0);
    const [deleted, ...created] = await Promise.all([
      run('campaign', 'delete', 'a'),
      ...[1, 2, 3].map((n) => run('creative', 'create', `c${n}`, 'campaign=a', 'type=text', 'title=T', 'landing=http://a.example/')),
    ]);
    const gone = (await redis.command('EXISTS', 'ad:campaign:a')) === 0;
    assert.equal(deleted.code, gone ? 0 : 1, deleted.stderr);
    for (const result of created) {
      assert.equal(result.code, 0, result.stderr);
      assert.equal(/note: creative c\d: there is no campaign a/.test(result.stderr), gone);
    }
  }
});

test('list and show', async (t) => {
  const { redis, good, refused } = await setUpSmall(t);
  await redis.command('HSET', 'ad:campaign:books', 'exclusions', 'cars');
  await redis.command('HSET', 'ad:campaign:spring', 'weight', 'x');
  const { stdout } = await good('campaign', 'list');
  const [head, books, spring, ...rest] = stdout.trimEnd().split('\n').map((line) => line.split(/ {2,}/));
  assert.deepEqual(head, ['id', 'status', 'tier', 'weight', 'share', 'slots', 'start', 'end', 'caps', 'name', 'remark']);
  assert.deepEqual(books, ['books', 'active', 'standard', '1', '-', 'post-top', '-', '-', '-', 'Books', '-']);
  assert.deepEqual(spring, ['spring', 'active', 'standard', 'x', '-', 'header', '-', '-', '-', 'Spring', 'invalid: weight']);
  assert.deepEqual(rest, []);

  const json = JSON.parse((await good('creative', 'list', '--json')).stdout);
  assert.deepEqual(json[0], { id: 'books-728', campaign: 'books', ...smallCatalog.campaigns[1].creatives[0] });
  assert.deepEqual(JSON.parse((await good('slot', 'show', 'header', '--json')).stdout), smallCatalog.slots[0]);

  const shown = (await good('campaign', 'show', 'books')).stdout;
  assert.match(shown, /^campaign books\n {2}name +Books\n {2}slots +post-top\n {2}exclusions +cars\n/);
  assert.match(shown, /\n\ncreatives\n {2}id +status .*\n {2}books-728 +active +books +image +728x90 +1 +- +-\n$/);
  await refused(['campaign', 'show', 'gone'], /^adctl: campaign gone: there is no such campaign; allowed: one that `campaign list` shows/);
});

test('nothing is listed as such', async (t) => {
  const { good } = await setUp(t);
  assert.equal((await good('slot', 'list')).stdout, 'id  status  sizes  domains  name  remark\n');
  assert.equal((await good('slot', 'list', '--json')).stdout, '[]\n');
  assert.deepEqual(JSON.parse((await good('export')).stdout), { slots: [], campaigns: [] });
  assert.equal((await good('validate')).stdout, 'slots: 0, campaigns: 0, creatives: 0, mistakes: 0, notes: 0\n');
});

test('control characters from Redis never reach the terminal', async (t) => {
  const { redis, run } = await setUp(t);
  const evil = '\u001b[2J\u009b31m\r\n+ slot forged\u202e\u0007\u007f';
  await redis.command('SADD', 'ad:slots', 'evil', evil);
  await redis.command('HSET', 'ad:slot:evil', 'name', evil, evil, evil, 'sizes', Buffer.from([0xff, 0x1b, 0]));
  await redis.command('SET', `ad:slot:${evil}`, 'x');
  for (const args of [['slot', 'list'], ['slot', 'list', '--json'], ['slot', 'show', 'evil'], ['validate'], ['export'], ['slot', 'set', 'evil', 'name=']]) {
    const { stdout, stderr } = await run(...args);
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u, args.join(' '));
    assert.doesNotMatch(stdout + stderr, /^\+ slot forged/m);
  }
});

test('validate', async (t) => {
  const { redis, run, good } = await setUpSmall(t);
  assert.equal((await good('validate')).stdout, 'slots: 2, campaigns: 2, creatives: 2, mistakes: 0, notes: 0\n');
  await redis.command('HSET', 'ad:campaign:spring', 'slots', 'header,gone');
  await redis.command('HSET', 'ad:creative:books-728', 'campaign', 'nobody');
  const notes = await good('validate');
  assert.equal(notes.stderr, '');
  assert.equal(
    notes.stdout,
    'note: campaign books: it has no active creative\n' +
      'note: campaign spring: there is no slot gone\n' +
      'note: creative books-728: there is no campaign nobody\n' +
      'slots: 2, campaigns: 2, creatives: 2, mistakes: 0, notes: 3\n',
  );
  await redis.command('HSET', 'ad:slot:header', 'sizes', 'big', 'colour', 'red');
  await redis.command('SADD', 'ad:campaigns', 'ghost', 'Bad Id');
  await redis.command('SET', 'ad:campaign:ghost', 'x');
  const mistakes = await run('validate');
  assert.equal(mistakes.code, 1);
  assert.match(mistakes.stderr, /^adctl: ad:slot:header colour: a slot has no such field; allowed: /m);
  assert.match(mistakes.stderr, /^adctl: ad:slot:header sizes: .*; allowed: up to 32 of WIDTHxHEIGHT/m);
  assert.match(mistakes.stderr, /^adctl: ad:campaign:ghost: it is a string; allowed: a hash/m);
  assert.match(mistakes.stderr, /^adctl: ad:campaign:Bad Id: there is no such key/m);
  assert.match(mistakes.stdout, /mistakes: 4, notes: \d+\n$/);
});

test('the prefix of the configuration', async (t) => {
  const { redis, run } = await setUp(t);
  assert.equal((await run('-o', 'redis.prefix=blog:', 'slot', 'create', 'a')).code, 0);
  assert.deepEqual((await redis.command('KEYS', '*')).sort(), ['blog:audit', 'blog:slot:a', 'blog:slots']);
});

test('snippet', async (t) => {
  const { redis, run, refused } = await setUpSmall(t);
  const snippet = (slot, ...more) => run('-o', 'server.public_url=https://ads.example/a&b', 'snippet', slot, ...more);
  assert.deepEqual(await snippet('header'), {
    code: 0,
    signal: null,
    stderr: '',
    stdout:
      '<script async src="https://ads.example/a&amp;b/tag.js"></script>\n' +
      '<ins class="masthead" data-slot="header" style="display:block;min-height:250px;text-decoration:none"></ins>\n',
  });
  await redis.command('HDEL', 'ad:slot:post-top', 'sizes');
  const bare = await snippet('post-top');
  assert.match(bare.stdout, /data-slot="post-top" style="display:block;text-decoration:none"><\/ins>\n$/);
  assert.match(bare.stderr, /^adctl: note: snippet: the slot has no sizes/);
  await refused(['snippet', 'gone'], /^adctl: slot gone: there is no such slot/);
  await refused(['snippet', 'header', '--no-js'], /^adctl: snippet --no-js: this version does not serve \/v1\/image and \/v1\/link yet/);
  await refused(['-o', 'server.public_url=javascript:x', 'snippet', 'header'], /^adctl: -o server\.public_url: /);
});
