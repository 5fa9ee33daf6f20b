// Leap seconds that are smeared, repeated or left out, and clocks five minutes apart: caps, goals and the ages of
// tokens hold, and nothing is refused that should not be. (The clocks that jump are in faults_counts.)
import assert from 'node:assert/strict';
import test from 'node:test';
import { makeClock } from '../lib/clock.mjs';
import { delay, importCatalog, run, startRedis, startServer, until, whenDone } from '../lib/harness.mjs';
import { browser, countsInRedis, inParallel, patient, report, startServers } from '../lib/traffic.mjs';
import { newestKey, signToken } from '../lib/tokens.mjs';

const asBrowser = { headers: { 'User-Agent': browser } };
const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };
const catalog = {
  slots: ['capped', 'bound', 'free'].map((id) => ({ id, sizes: '728x90' })),
  campaigns: [
    { id: 'capped', slots: 'capped', caps: '3/1h', creatives: [{ id: 'capped-1', ...picture }] },
    { id: 'bound', slots: 'bound', goal_impressions: 60, pacing: 'asap', creatives: [{ id: 'bound-1', ...picture }] },
    { id: 'free', slots: 'free', creatives: [{ id: 'free-1', ...picture }] },
  ],
};
const free = { campaign: 'free', creative: 'free-1', slot: 'free', landing: picture.landing };

function clockOf(t) {
  const clock = makeClock();
  if (clock) whenDone(t, () => clock.release());
  else t.skip('no clock can be moved here');
  return clock;
}

// A clock in each of these ways, and how far ahead of the machine's it then is, s: [from, to].
const day = 86400;
const ways = {
  right: [(clock) => clock.move(0), 0],
  ...Object.fromEntries(
    [-1, 1].flatMap((gain) =>
      [0, 0.25, 0.5, 0.75, 1].map((part) => [
        `${part * 24} h into a day that is smeared by ${gain} s`,
        [(clock) => (clock.move(part * gain), clock.smear(gain)), part * gain],
      ]),
    ),
  ),
  'just after a second that is repeated': [(clock) => (clock.move(0), clock.leap(-1)), -1],
  'just after a second that is left out': [(clock) => (clock.move(0), clock.leap(1)), 1],
  'five minutes ahead': [(clock) => clock.move(300), 300],
  'five minutes behind': [(clock) => clock.move(-300), -300],
};

test('a clock of ours is where it is said to be', async (t) => {
  const clock = clockOf(t);
  if (!clock) return;
  const ahead = async () => {
    const before = Date.now();
    const { stdout } = await run('date', ['+%s%N'], { env: clock.env });
    const shown = Number(BigInt(stdout.trim()) / 1000000n);
    return [(shown - Date.now() - 1) / 1000, (shown - before + 1) / 1000]; // the truth is between them
  };
  const isAhead = async (seconds, what) => {
    const [least, most] = await ahead();
    assert.ok(least <= seconds && seconds <= most, `${what}: ${seconds} is not in ${least} to ${most}`);
  };
  for (const [what, [set, seconds]] of Object.entries(ways)) {
    set(clock);
    await isAhead(seconds, what);
  }
  // One that runs twice as fast is ahead by the time that has passed, one that stands behind by it.
  for (const gain of [day, -day]) {
    clock.move(0);
    clock.smear(gain);
    const began = Date.now();
    await delay(20);
    const [least, most] = await ahead();
    const passed = (Date.now() - began + 2) / 1000;
    assert.ok(gain > 0 ? most >= 0.018 && least <= passed : least <= -0.018 && most >= -passed, `${gain}: ${least} to ${most}, ${passed}`);
  }
  // A step that is to come has not come, and comes.
  clock.move(0);
  clock.leap(-1, { after: 3600 });
  await isAhead(0, 'before the step');
  clock.leap(-1, { after: -3600 });
  await isAhead(-1, 'after it');
});

test('one of two servers has its leap second in every way there is: caps, goals, events and ages hold', async (t) => {
  const clock = clockOf(t);
  if (!clock) return;
  const redis = await startRedis({ t });
  await importCatalog(redis, catalog);
  const options = { ...patient, 'server.workers': 2, 'tokens.page_ttl': '1h', 'bots.fast_click': '50ms' };
  const [right] = await startServers({ t, redis, count: 1, options });
  const other = await startServer({ t, redis, options: { ...options, 'tokens.keyring': right.options['tokens.keyring'] }, env: clock.env });
  const servers = [right, other];
  const key = newestKey(right.options['tokens.keyring']);
  const serves = {};
  const counts = { impressions: 0, clicks: 0, late: 0 };
  const ofFree = async () => {
    const { serves: _, ...total } = (await countsInRedis(redis, 'free')).total;
    return total;
  };

  const bound = async (i) => {
    const [ad] = await servers[i % 2].ads({ slot: 'bound' }, asBrowser);
    if (!ad.campaign) return;
    const { pathname } = new URL(ad.impression_url);
    assert.equal((await report(servers[(i + 1) % 2].base + pathname)).status, 204);
  };
  const round = async (what, ahead) => {
    await inParallel(12, 6, async (i) => {
      const uid = `reader-000${i % 3}`;
      const [ad] = await servers[i % 2].ads({ slot: 'capped', uid }, asBrowser);
      if (ad.campaign) serves[uid] = (serves[uid] ?? 0) + 1;
    });
    await inParallel(4, 4, bound);
    // Served by each, seen and clicked at the other, as soon as a person may: by whichever clock.
    for (const from of servers) {
      const to = servers[1 - servers.indexOf(from)];
      const [ad] = await from.ads({ slot: 'free' }, asBrowser);
      assert.equal(ad.campaign, 'free', what);
      const at = (url) => to.base + new URL(url).pathname;
      assert.equal((await report(at(ad.impression_url))).status, 204);
      await delay(55);
      assert.equal((await report(at(ad.click_url))).status, 302);
      counts.impressions++;
      counts.clicks++;
    }
    // Tokens of the machine's time on both sides of page_ttl: no leap second is ten seconds long.
    for (const [server, is] of [[right, 0], [other, ahead]]) {
      const apart = Math.abs(is) > 1 ? is : 0;
      for (const [age, late] of [[3590, false], [3610, true]]) {
        const token = signToken(key, { ...free, issued: Date.now() - 1000 * (age - apart) });
        assert.equal((await report(`${server.base}/v1/i/${token}`)).status, 204);
        counts[late ? 'late' : 'impressions']++;
      }
    }
    assert.deepEqual(await ofFree(), counts, what);
    const { total } = await countsInRedis(redis, 'bound');
    assert.ok((total.impressions ?? 0) <= 60, `${what}: ${total.impressions} of 60`);
  };

  for (const [what, [set, ahead]] of Object.entries(ways)) {
    set(clock);
    await round(what, ahead);
  }
  assert.deepEqual(serves, { 'reader-0000': 3, 'reader-0001': 3, 'reader-0002': 3 }, "windows pass by Redis's clock");
  clock.move(0);
  await until(
    async () => {
      for (let i = 0; i < 4; i++) await bound(i);
      return (await countsInRedis(redis, 'bound')).total.impressions === 60;
    },
    { timeout: 20000, what: 'the goal is reached' },
  );
  for (let i = 0; i < 8; i++) await bound(i);
  assert.equal((await countsInRedis(redis, 'bound')).total.impressions, 60);
});

test("Redis's own leap second: windows of caps, rates and shares open once, and when they are over", async (t) => {
  const clock = clockOf(t);
  if (!clock) return;
  const redis = await startRedis({ t, env: clock.env });
  await importCatalog(redis, catalog);
  const options = { ...patient, 'bots.clicks_per_minute': 2, 'bots.click_share': 50, 'bots.click_share_from': 1, 'server.trusted_proxies': '127.0.0.1' };
  const server = await startServer({ t, redis, options });
  const key = newestKey(`${server.options['server.state_dir']}/keyring`);
  const serves = async () => {
    let served = 0;
    for (let i = 0; i < 5; i++) served += Boolean((await server.ads({ slot: 'capped', uid: 'reader-0000' }, asBrowser))[0].campaign);
    return served;
  };
  const from = (address) => ({ headers: { 'X-Forwarded-For': address } });
  const see = (address) => report(`${server.base}/v1/i/${signToken(key, free)}`, from(address));
  const metric = async (name) => (await countsInRedis(redis, 'free')).total[name] ?? 0;
  // What became of a click of that address.
  const click = async (address) => {
    const before = await metric('clicks');
    await report(`${server.base}/v1/c/${signToken(key, free)}`, from(address));
    return (await metric('clicks')) - before;
  };
  const known = async (n) => {
    const names = await redis.command('KEYS', 'ad:shares:*');
    const all = await Promise.all(names.map((name) => redis.command('HGET', name, 'free')));
    return all.reduce((sum, seen) => sum + Number(seen ?? 0), 0) === n;
  };

  for (const leap of [-1, 1, 0]) {
    clock.move(0);
    await redis.command('DEL', 'none', ...(await redis.command('KEYS', 'ad:c[al]*:{*')), ...(await redis.command('KEYS', 'ad:shares:*')));
    assert.equal(await serves(), 3);
    for (let i = 0; i < 40; i++) await see('198.51.100.1');
    await until(() => known(40), { what: 'impressions are known' });
    assert.deepEqual([await click('198.51.100.1'), await click('198.51.100.1'), await click('198.51.100.1')], [1, 1, 0], 'the rate');
    assert.equal(await click('198.51.100.2'), 0, 'the share');
    const last = async (moment, open) => {
      assert.equal(await serves(), open.cap ? 3 : 0, `the cap, ${moment}`);
      assert.equal(await click('198.51.100.1'), open.rate ? 1 : 0, `the rate, ${moment}`);
    };
    clock.move(50);
    if (leap) clock.leap(leap);
    else clock.smear(-1);
    await last('in the minute', {});
    clock.move(70);
    await last('after it', { rate: true });
    clock.move(3590);
    if (leap) clock.leap(leap);
    else clock.smear(1);
    await last('in the hour', { rate: true });
    assert.equal(await click('198.51.100.2'), 0, 'the share, in the hour');
    clock.move(3610);
    assert.equal(await serves(), 3, 'the cap, after the hour');
    assert.equal(await serves(), 0, 'and no more');
    await see('198.51.100.2');
    await see('198.51.100.2');
    await until(() => known(2));
    assert.equal(await click('198.51.100.2'), 1, 'the share, after the hour');
  }
});
