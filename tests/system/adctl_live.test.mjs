// What adctl writes is live in a running server within a second.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startRedis, startServer, until } from '../lib/harness.mjs';

const second = { timeout: 1000, interval: 5 };

test('a server serves what adctl writes', async (t) => {
  const redis = await startRedis({ t });
  const server = await startServer({ t, redis, options: { 'server.demo': 'on' } });
  const run = async (...args) => {
    const result = await server.adctl(args);
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  const served = async () => (await server.ads({ slot: 'header', uid: 'viewer-0001' }))[0].campaign;

  await run('import', 'config/demo.json');
  assert.equal((await server.stats()).catalog.rejected_count, 0);
  await until(served, { ...second, what: 'an ad of the demo' });

  const { campaigns } = JSON.parse(await run('export'));
  const ids = campaigns.filter(({ slots }) => slots.includes('header')).map(({ id }) => id);
  await run('campaign', 'pause', ...ids);
  await until(async () => !(await served()), { ...second, what: 'paused campaigns rest' });
  await run('campaign', 'resume', ids[0]);
  await until(async () => (await served()) === ids[0], { ...second, what: 'a resumed one serves' });

  await run('campaign', 'delete', '--with-creatives', ...ids);
  await run('slot', 'delete', 'header');
  await until(async () => (await server.get('/v1/ads?slot=header')).status === 404, {
    ...second,
    what: 'a deleted slot is unknown',
  });

  const tag = /src="([^"]*)"/.exec(await run('snippet', 'post-top'))[1];
  assert.equal(tag, `${server.base}/tag.js`);
  assert.equal((await server.get('/tag.js')).status, 200);
});
