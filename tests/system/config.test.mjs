// The command line and the configuration: what is refused, with which exit code and which words.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import {
  binaries,
  freePort,
  importCatalog,
  removeDir,
  repository,
  request,
  run,
  smallCatalog,
  startRedis,
  startServer,
  tempDir,
  whenDone,
} from '../lib/harness.mjs';

const program = path.join(binaries, 'adserver');

function adserver(args, settings) {
  return run(program, args, settings);
}

// A folder with a configuration file in it.
async function configured(t, text) {
  const dir = tempDir('config');
  whenDone(t, () => removeDir(dir));
  const file = path.join(dir, 'adserver.conf');
  const [port, admin] = [await freePort(), await freePort()];
  writeFileSync(
    file,
    text ??
      `[server]\nlisten = 127.0.0.1:${port}\nadmin_listen = 127.0.0.1:${admin}\nstate_dir = ${dir}/state\n` +
        `workers = 1\n[redis]\nurl = redis://127.0.0.1:${await freePort()}/0\n`,
  );
  return { dir, file, port, admin };
}

test('-V, -h and -t', async (t) => {
  const version = await adserver(['-V']);
  assert.equal(version.code, 0);
  const number = readFileSync(path.join(repository, 'VERSION'), 'utf8').trim();
  assert.ok(version.stdout.startsWith(`adserver ${number}`), version.stdout);

  const help = await adserver(['-h']);
  assert.equal(help.code, 0);
  for (const word of ['usage:', 'server.listen', 'redis.url', 'tokens.page_ttl', 'log.access', 'ADSERVER_'])
    assert.ok(help.stdout.includes(word), `-h says nothing of ${word}`);

  const { file, dir } = await configured(t);
  const good = await adserver(['-t', '-c', file]);
  assert.deepEqual([good.code, good.stderr], [0, '']);
  assert.ok(!existsSync(path.join(dir, 'state')), '-t made something');
});

const mistakes = {
  'an unknown key': ['[server]\nlisten = 127.0.0.1:1\nworkerz = 2\n', 3, 'server.workerz', /is no option.*-h/],
  'an unknown section': ['[server]\nworkers = 2\n[serverz]\nx = 1\n', 3, '[serverz]', /sections are server, redis/],
  'a number out of range': ['[server]\n\nmax_connections = 0\n', 3, 'server.max_connections', /1 to 1000000/],
  'not a duration': ['[tokens]\npage_ttl = soon\n', 2, 'tokens.page_ttl', /1h.*7d/],
  'a duration out of range': ['[tokens]\npage_ttl = 8d\n', 2, 'tokens.page_ttl', /1h.*7d/],
  'a word that is no choice': ['[log]\nformat = xml\n', 2, 'log.format', /logfmt.*json/],
  'a meaning that is refused': ['[server]\nworkers = many\n', 2, 'server.workers', /1 to 32.*auto/],
  'an address that is none': ['[server]\nlisten = 127.0.0.1\n', 2, 'server.listen', /127\.0\.0\.1:8080.*unix:/],
  'a public address with a slash': ['[server]\npublic_url = https://a.example/\n', 2, 'server.public_url', /slash/],
  'a range that is none': ['[server]\ntrusted_proxies = 10.0.0.0/99\n', 2, 'server.trusted_proxies', /./],
  'a Redis that is none': ['[redis]\nurl = memcached://a\n', 2, 'redis.url', /redis:\/\//],
  'a prefix that is none': ['[redis]\nprefix = a b\n', 2, 'redis.prefix', /A-Z/],
  'a ladder that is none': ['[viewer]\nidentity = cookies\n', 2, 'viewer.identity', /first-party/],
};

for (const [what, [text, line, option, allowed]] of Object.entries(mistakes)) {
  test(`refused with its place: ${what}`, async (t) => {
    const { file } = await configured(t, text);
    for (const args of [['-c', file], ['-t', '-c', file]]) {
      const result = await adserver(args);
      assert.equal(result.code, 2, result.stderr);
      assert.equal(result.stdout, '');
      assert.ok(result.stderr.includes(`${file}:${line}: ${option}`), result.stderr);
      assert.match(result.stderr, allowed);
      assert.equal(result.stderr.trim().split('\n').length, 1, 'told once');
    }
  });
}

test('a mistake on the command line or in the environment is told as such', async (t) => {
  const { file } = await configured(t);
  const option = await adserver(['-t', '-c', file, '-o', 'server.workers=0']);
  assert.equal(option.code, 2);
  assert.match(option.stderr, /-o.*server\.workers/);
  const variable = await adserver(['-t', '-c', file], { env: { ADSERVER_SERVER_WORKERS: '0' } });
  assert.equal(variable.code, 2);
  assert.match(variable.stderr, /ADSERVER_SERVER_WORKERS/);
  for (const args of [['-o', 'workers=1'], ['-o', 'server.workerz=1'], ['-o', 'server'], ['-x'], ['extra'], ['-c'], ['-c', '/nonexistent']]) {
    const result = await adserver(['-t', ...args]);
    assert.equal(result.code, 2, `${args}: ${result.stderr}`);
    assert.notEqual(result.stderr, '');
  }
});

test('the command line goes before the environment, and that before the file', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const file = await startServer({ t, redis });
  const given = { 'server.public_url': 'http://from-file.example' };
  const variable = { ADSERVER_SERVER_PUBLIC_URL: 'http://from-environment.example' };
  const option = ['-o', 'server.public_url=http://from-option.example'];
  const environment = await startServer({ t, redis, options: given, env: variable });
  const line = await startServer({ t, redis, options: given, env: variable, args: option });
  const host = async (server) => new URL((await server.ads({ slot: 'header' }))[0].click_url).host;
  assert.equal(await host(file), `127.0.0.1:${file.port}`);
  assert.equal(await host(environment), 'from-environment.example');
  assert.equal(await host(line), 'from-option.example');
});

test('a port that is taken: exit 1, and it says which', async (t) => {
  const { file, port, admin } = await configured(t);
  for (const taken of [port, admin]) {
    const other = net.createServer().listen(taken, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const result = await adserver(['-c', file]);
    await new Promise((resolve) => other.close(resolve));
    assert.equal(result.code, 1, result.stderr);
    assert.ok(result.stderr.includes(String(taken)), result.stderr);
    assert.ok(result.stderr.includes(taken === port ? 'server.listen' : 'server.admin_listen'), result.stderr);
  }
});

test('a state folder that cannot be made: exit 1, and it says so', async (t) => {
  const { file, dir } = await configured(t);
  writeFileSync(path.join(dir, 'state'), 'a file');
  const result = await adserver(['-c', file]);
  assert.equal(result.code, 1);
  assert.ok(result.stderr.includes(`${dir}/state`), result.stderr);
});

const secret = Buffer.alloc(32, 7).toString('base64url');
const rings = {
  'readable by others': [`00000007 1700000000 ${secret}\n`, 0o644, /0644|others/],
  'readable by the group': [`00000007 1700000000 ${secret}\n`, 0o640, /0640|others/],
  'writable by others': [`00000007 1700000000 ${secret}\n`, 0o602, /0602|others/],
  empty: ['', 0o600, /no key/],
  'with a short secret': [`00000007 1700000000 ${Buffer.alloc(31, 7).toString('base64url')}\n`, 0o600, /32/],
  'with no secret': ['00000007 1700000000 \n', 0o600, /./],
  'with a key twice': [`00000007 1700000000 ${secret}\n`.repeat(2), 0o600, /twice/],
  garbled: ['\x00\x01\x02', 0o600, /./],
};

for (const [what, [text, mode, reason]] of Object.entries(rings)) {
  test(`a key ring ${what}: exit 1, and it says why`, async (t) => {
    const { file, dir } = await configured(t);
    mkdirSync(path.join(dir, 'state'));
    const ring = path.join(dir, 'state', 'keyring');
    writeFileSync(ring, text);
    chmodSync(ring, mode);
    const result = await adserver(['-c', file]);
    assert.equal(result.code, 1, result.stderr);
    assert.ok(result.stderr.includes(ring), result.stderr);
    assert.match(result.stderr, reason);
    assert.ok(!result.stderr.includes(secret), 'the secret is in the message');
  });
}

test('a key ring is made for its owner alone, whatever the umask', async (t) => {
  const redis = await startRedis({ t });
  const umask = process.umask(0);
  const server = await startServer({ t, redis }).finally(() => process.umask(umask));
  const ring = path.join(server.dir, 'state', 'keyring');
  assert.equal(statSync(ring).mode & 0o777, 0o600);
  const before = readFileSync(ring);
  await startServer({ t, redis, options: { 'tokens.keyring': ring } });
  assert.deepEqual(readFileSync(ring), before, 'a ring that is there is left');
});

test('several addresses, IPv6 and a Unix socket among them', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const dir = tempDir('socket');
  whenDone(t, () => removeDir(dir));
  const [v4, v6] = [await freePort(), await freePort()];
  const socketPath = path.join(dir, 'public');
  const listen = `127.0.0.1:${v4}, [::1]:${v6}, unix:${socketPath}`;
  await startServer({ t, redis, options: { 'server.listen': listen } });
  for (const url of [`http://127.0.0.1:${v4}/v1/ads?slot=header`, `http://[::1]:${v6}/v1/ads?slot=header`])
    assert.equal((await request(url)).status, 200);
  const local = await request({ socketPath, path: '/v1/ads?slot=header' });
  assert.equal(local.status, 200);
});
