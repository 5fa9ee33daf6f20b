// The location database: what the start and a reload say of it.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { binaries, importCatalog, repository, run, smallCatalog, startRedis, startServer, tempDir, until } from '../lib/harness.mjs';
import { databases, folder } from '../lib/places.mjs';

const countries = path.join(repository, 'node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb');
const check = (file) => run(path.join(binaries, 'adserver'), ['-t', '-o', `geo.database=${file}`]);

test('the databases of the tests are what their maker makes', () => {
  for (const [name, bytes] of Object.entries(databases)) assert.ok(readFileSync(path.join(folder, name)).equals(bytes), `${name}: run node tests/lib/places.mjs`);
});

test('-t opens the database and names file and reason', async () => {
  for (const file of [countries, path.join(folder, 'city.mmdb')]) assert.equal((await check(file)).code, 0, file);
  for (const [file, reason] of [
    ['/nonexistent/geo.mmdb', /No such file/],
    [folder, /not a file/],
    [path.join(repository, 'Makefile'), /MaxMind's DB format/],
    [path.join(folder, 'network.mmdb'), /knows no countries/],
  ]) {
    const { code, stderr } = await check(file);
    assert.equal(code, 2);
    assert.match(stderr, /geo\.database/);
    assert.ok(stderr.includes(file), stderr);
    assert.match(stderr, reason);
  }
});

test('a reload takes a new database, and keeps the old one before a bad one', async (t) => {
  const redis = await startRedis({ t });
  await importCatalog(redis, smallCatalog);
  const dir = tempDir();
  const file = path.join(dir, 'geo.mmdb');
  copyFileSync(path.join(folder, 'city.mmdb'), file);
  const server = await startServer({ t, redis, options: { 'geo.database': file }, allowErrors: /reload: refused/ });
  const workers = async () => (await server.stats()).workers.map((worker) => worker.pid).join();
  const replace = (bytes) => {
    writeFileSync(`${file}.new`, bytes);
    renameSync(`${file}.new`, file);
    server.signal('SIGHUP');
  };

  const before = await workers();
  replace('not a database');
  await until(() => /reload: refused.*geo\.database.*MaxMind/.test(server.log()), { what: 'the refusal is logged' });
  assert.equal(await workers(), before);
  assert.equal((await server.ads({ slot: 'header' }))[0].campaign, 'spring');
  replace(databases['country.mmdb']);
  await until(async () => (await workers()) !== before, { what: 'new workers serve' });
  assert.equal((await server.ads({ slot: 'header' }))[0].campaign, 'spring');
});
