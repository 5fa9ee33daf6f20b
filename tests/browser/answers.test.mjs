// What becomes of a slot when the answer, the picture or the server is not what it should be.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  contents, eventOf, ins, openPage, openSite, pageWith, patience, startBrowser, untilCounted,
} from '../lib/browser.mjs';
import { until } from '../lib/harness.mjs';
import { packedTag, startPages } from '../lib/page-server.mjs';

// Stands in for a server that is not well: tag.js, and `answer` for what is asked of it.
const startAds = (t, answer) =>
  startPages({
    t,
    host: '127.0.0.1',
    pages: {
      '/tag.js': { body: packedTag(), headers: { 'Content-Type': 'text/javascript' } },
      '/v1/ads': (request, response) => {
        response.setHeader('Access-Control-Allow-Origin', '*');
        answer(response);
      },
    },
  });

describe('the tag and its answers', { timeout: 280000 }, () => {
  let browser;
  before(async () => (browser = await startBrowser()));
  after(() => browser.close());

  const open = (t, markup, settings) => openSite(t, browser, markup, settings);

  test('a picture that does not load counts nothing', async (t) => {
    const { page, server } = await open(t, ins('header') + ins('side'), {
      campaigns: (origin) => [
        { id: 'big', slots: 'header', creatives: [{ id: 'big-1', type: 'image', size: '970x250', image: `${origin}/missing.svg`, landing: `${origin}/shop` }] },
        { id: 'box', slots: 'side', creatives: [{ id: 'box-1', type: 'image', size: '300x250', image: `${origin}/picture.svg`, landing: `${origin}/shop` }] },
      ],
    });
    assert.equal((await eventOf(page, 'empty', 'header')).detail.creative, 'big-1');
    await eventOf(page, 'viewable', 'side');
    await untilCounted(server, 'box', { serves: 1, impressions: 1 });
    await untilCounted(server, 'big', { serves: 1, impressions: 0 });
    assert.equal(await contents(page, '[data-slot=header]'), 0);
  });

  test('a picture named by a path comes from the ad server', async (t) => {
    const { page, server } = await open(t, ins('header'), {
      options: { 'server.demo': 'on' },
      campaigns: (origin) => [
        { id: 'big', slots: 'header', creatives: [{ id: 'big-1', type: 'image', size: '970x250', image: '/demo/img/ferries-970x250.svg', landing: `${origin}/shop` }] },
      ],
    });
    await eventOf(page, 'filled', 'header');
    assert.ok(page.loads.includes(`${server.base}/demo/img/ferries-970x250.svg`));
  });

  test('an event that the server could not take is sent again, one that it refused is not', async (t) => {
    // By address: how each request is answered in turn (0: the server hangs up), and what came.
    const answers = { i1: [503, 503, 204, 204], v1: [403, 204], i2: [0, 204, 204], v2: [204, 204] };
    const came = { i1: 0, v1: 0, i2: 0, v2: 0 };
    const ads = await startAds(t, (response) => {
      const ad = (n) => ({
        title: 'Title', body: 'Body', cta: 'Go', click_url: `${ads.origin}/c${n}`,
        impression_url: `${ads.origin}/i${n}`, viewable_url: `${ads.origin}/v${n}`,
      });
      response.end(JSON.stringify({ ads: [ad(1), ad(2)] }));
    });
    for (const [name, statuses] of Object.entries(answers)) {
      ads.pages[`/${name}`] = (request, response) => {
        assert.equal(request.method, 'POST');
        const status = statuses[came[name]++];
        response.setHeader('Access-Control-Allow-Origin', '*');
        if (status) response.writeHead(status).end();
        else response.destroy();
      };
    }
    const blog = await startPages({ t, pages: { '/': pageWith(ads.origin, ins('words') + ins('side')) } });
    const page = await openPage(t, browser);
    await page.goto(blog.origin);
    await until(() => came.v1 && came.v2 && came.i1 >= 3 && came.i2 >= 2, { timeout: patience });
    // The third time was four seconds after the second: what was refused would have come again.
    assert.deepEqual(came, { i1: 3, v1: 1, i2: 2, v2: 1 });
  });

  for (const [name, answer] of [
    ['answers with broken JSON', (response) => response.end('{"ads":[')],
    ['answers with other JSON', (response) => response.end('{"ads":[null,{"type":"image"}]}')],
    ['answers with null', (response) => response.end('null')],
    ['answers with 500 and a page', (response) => response.writeHead(500).end('<h1>Sorry</h1>')],
    ['hangs up', (response) => response.destroy()],
  ]) {
    test(`a server that ${name} leaves the page alone`, async (t) => {
      const ads = await startAds(t, answer);
      const blog = await startPages({ t, pages: { '/': pageWith(ads.origin, ins('header') + ins('side')) } });
      const page = await openPage(t, browser);
      const thrown = [];
      page.on('pageerror', (error) => thrown.push(error));
      await page.goto(blog.origin);
      await eventOf(page, 'empty', 'header');
      await eventOf(page, 'empty', 'side');
      assert.equal(await contents(page, '[data-slot=header]'), 0);
      assert.deepEqual(thrown, [], 'nothing is thrown into the page');
    });
  }

  test('a server that is gone leaves the page alone', async (t) => {
    const { page, server } = await open(t, `<div hidden>${ins('header')}</div>`);
    await page.waitForFunction(() => window.masthead?.load);
    await server.stop();
    await page.evaluate(() => masthead.load(document.querySelector('ins')));
    await eventOf(page, 'empty', 'header');
    assert.ok(page.problems.every((problem) => problem.includes('ERR_CONNECTION_REFUSED')));
  });

  test('an unknown slot stays empty', async (t) => {
    const { page } = await open(t, ins('nowhere'));
    await eventOf(page, 'empty', 'nowhere');
    assert.equal(await contents(page, '[data-slot=nowhere]'), 0);
  });
});
