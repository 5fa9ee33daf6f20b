// How the tag finds slots, asks for them and lets the page steer it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  clockPasses, contents, eventOf, eventsOf, ins, openPage, openSite, pageWith, patience, startBrowser, startSite,
  untilCounted,
} from '../lib/browser.mjs';
import { until } from '../lib/harness.mjs';

const slotsOf = (url) => url.searchParams.getAll('slot').map((slot) => slot.split(':')[0]);

describe('the tag and its slots', { timeout: 280000 }, () => {
  let browser;
  before(async () => (browser = await startBrowser()));
  after(() => browser.close());

  const open = (t, markup, settings) => openSite(t, browser, markup, settings);

  test('asks while the page is still being loaded', async (t) => {
    const { server, blog } = await startSite(t);
    const held = [];
    blog.pages['/slow.css'] = (request, response) => held.push(response);
    blog.pages['/'] = (request, response) => {
      // The document does not end, and the picture in it does not come: neither event of the page is
      // near.
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.write(`${pageWith(server.base, ins('header')).split('</body>')[0]}<img src="/slow.css">`);
      held.push(response);
    };
    const page = await openPage(t, browser);
    await page.goto(blog.origin, { waitUntil: 'commit' });
    await eventOf(page, 'filled', 'header');
    assert.equal(await page.evaluate(() => document.readyState), 'loading');
    await untilCounted(server, 'big', { impressions: 1 });
    for (const response of held) response.end();
    assert.deepEqual(page.problems, []);
  });

  test('asks for the width that the style sheets give, and for all slots at once', async (t) => {
    const { server, blog } = await startSite(t);
    blog.pages['/slow.css'] = async (request, response) => {
      // The tag is there long before; the sheet comes when the whole page is parsed.
      await until(() => blog.parsed, { timeout: patience });
      response.writeHead(200, { 'Content-Type': 'text/css' });
      response.end('main { width: 400px }');
    };
    const markup = `<main>${ins('header')}<p>Text</p>${ins('side')}</main>`;
    blog.pages['/'] = pageWith(server.base, markup, '<link rel="stylesheet" href="slow.css">');
    const page = await openPage(t, browser);
    const opened = page.goto(blog.origin);
    await page.waitForSelector('[data-slot=side]', { state: 'attached' });
    await page.waitForFunction(() => window.masthead?.load, null, { polling: 50 });
    blog.parsed = true;
    await opened;
    await eventOf(page, 'filled', 'side');
    assert.deepEqual(page.asked.map((url) => url.searchParams.getAll('slot')), [['header:400', 'side:400']]);
  });

  test('a misnamed slot costs only itself', async (t) => {
    const names = ['My Header', 'Header', '-header', '', 'x'.repeat(65)];
    const { page } = await open(t, names.map((name) => ins(name)).join('') + ins('header') + ins('side'));
    await eventOf(page, 'filled', 'header');
    await eventOf(page, 'filled', 'side');
    for (const name of names) await eventOf(page, 'empty', name);
    assert.equal(page.asked.length, 1);
  });

  test('asks once the page is drawn: not in the background, nor while it is made ready', async (t) => {
    // What browsers do with such a page: they draw nothing.
    const init = () => {
      const draw = window.requestAnimationFrame.bind(window);
      const held = [];
      window.requestAnimationFrame = (callback) => held.push(callback);
      window.show = () => {
        window.requestAnimationFrame = draw;
        held.forEach(draw);
      };
    };
    const { page, server } = await open(t, ins('side'), { init });
    await page.waitForFunction(() => window.masthead?.load, null, { polling: 50 });
    await clockPasses(page, await page.evaluate(() => performance.now()), 300);
    assert.equal(page.asked.length, 0);
    await page.evaluate(() => window.show());
    await eventOf(page, 'filled', 'side');
    await untilCounted(server, 'box', { serves: 1, impressions: 1 });
  });

  test('picks up slots that come later', async (t) => {
    const { page } = await open(t, ins('header'));
    await eventOf(page, 'filled', 'header');
    await page.evaluate(() => {
      document.body.insertAdjacentHTML('beforeend', '<section><ins class="masthead" data-slot="side" style="display:block"></ins></section>');
      const words = Object.assign(document.createElement('ins'), { className: 'masthead' });
      words.dataset.slot = 'words';
      document.body.append(words);
    });
    await eventOf(page, 'filled', 'side');
    await eventOf(page, 'filled', 'words');
    assert.deepEqual(page.asked.map(slotsOf), [['header'], ['side', 'words']]);
  });

  test('sends the width that a slot has', async (t) => {
    const { page } = await open(t, `
      <div style="width:700px">${ins('header', 'id="a"')}</div>
      <div style="width:333px"><ins class="masthead" data-slot="header" id="b"></ins></div>
      <div style="width:500px;padding:10px"><ins class="masthead" data-slot="side" id="c" style="display:block;width:80%"></ins></div>`);
    await eventOf(page, 'filled', 'c');
    assert.deepEqual(page.asked[0].searchParams.getAll('slot'), ['header:700', 'header:333', 'side:400']);
    const { detail } = await eventOf(page, 'empty', 'a');
    assert.deepEqual(detail, { slot: 'header', unfilled: 'size' });
  });

  test('asks apart for slots with other keywords or values, and for 16 at most', async (t) => {
    const { page } = await open(t, [
      ins('header', 'data-kw="boats,sea" data-kv-section="news" data-kv-page-type="post"'),
      ins('side', 'data-kw="boats,sea" data-kv-section="news" data-kv-page-type="post"'),
      ins('words', 'data-kw="food &amp; drink"'),
      ...Array.from({ length: 18 }, (_, i) => ins('side', `id="n${i}"`)),
    ].join(''));
    await eventOf(page, 'empty', 'n17');
    await until(() => page.asked.length === 4, { timeout: patience });
    const [first, second, ...plain] = page.asked.map((url) => url.searchParams);
    assert.deepEqual(
      ['kw', 'kv.section', 'kv.page-type'].map((name) => first.get(name)),
      ['boats,sea', 'news', 'post'],
    );
    assert.deepEqual(slotsOf(page.asked[0]), ['header', 'side']);
    assert.equal(second.get('kw'), 'food & drink');
    assert.deepEqual(plain.map((query) => query.getAll('slot').length), [16, 2]);
    assert.ok(plain.every((query) => !query.has('kw') && !query.has('kv.section')));
  });

  test('load, refresh and destroy', async (t) => {
    const { page, server } = await open(t, `${ins('header', 'id="a"')}<div id="b" data-slot="words"></div>`);
    const call = (name, id) => page.evaluate(([n, i]) => void masthead[n](document.getElementById(i)), [name, id]);
    await eventOf(page, 'filled', 'a');

    await call('load', 'a'); // has its ad
    await call('load', 'b'); // no <ins>, and nevertheless a slot
    await eventOf(page, 'filled', 'b');
    assert.deepEqual(page.asked.map(slotsOf), [['header'], ['words']]);

    await page.evaluate(() => {
      masthead.refresh(a);
      masthead.refresh(b);
      masthead.refresh(a);
    });
    await eventOf(page, 'filled', 'a', 2);
    await eventOf(page, 'filled', 'b', 2);
    assert.deepEqual(slotsOf(page.asked[2]), ['header', 'words'], 'in one request, and once each');
    assert.equal(await contents(page, '#a'), 1);
    await untilCounted(server, 'big', { serves: 2, impressions: 2 });

    await call('destroy', 'a');
    assert.equal(await contents(page, '#a'), 0);
    await page.evaluate(() => document.body.append(document.createElement('p'))); // has the tag look again
    await call('refresh', 'b');
    await eventOf(page, 'filled', 'b', 3);
    assert.equal(await contents(page, '#a'), 0, 'what was destroyed stays empty');
    await call('load', 'a');
    await eventOf(page, 'filled', 'a', 3);
    assert.deepEqual(page.asked.map(slotsOf).slice(3), [['words'], ['header']]);
    assert.deepEqual(page.problems, []);
  });

  test('an answer to a slot that was destroyed or asked for again is dropped', async (t) => {
    const { blog, server } = await startSite(t);
    blog.pages['/'] = pageWith(server.base, ins('header', 'id="a"') + ins('side', 'id="b"'));
    const page = await openPage(t, browser);
    const held = [];
    await page.route('**/v1/ads?*', (route) => (held.length ? route.continue() : held.push(route)));
    await page.goto(blog.origin);
    await until(() => held.length === 1, { timeout: patience });
    await page.evaluate(() => {
      masthead.destroy(a);
      masthead.refresh(b);
    });
    await eventOf(page, 'filled', 'b');
    const shown = await page.locator('#b a').getAttribute('href');
    const answered = page.waitForResponse((response) => response.url() === held[0].request().url());
    await held[0].continue();
    await (await answered).finished();
    await page.evaluate(() => masthead.refresh(b)); // its answer comes behind the late one
    await eventOf(page, 'filled', 'b', 2);
    assert.equal(await contents(page, '#a'), 0);
    assert.notEqual(await page.locator('#b a').getAttribute('href'), shown);
    const names = (await eventsOf(page)).map(({ name, id }) => `${name} ${id}`);
    assert.deepEqual(names.filter((name) => !name.startsWith('viewable')), ['filled b', 'filled b']);
    await untilCounted(server, 'big', { serves: 1, impressions: 0 });
  });

  test('events carry the ad and rise through the page', async (t) => {
    const { page } = await open(t, ins('header'), {
      init: () =>
        document.addEventListener('masthead:filled', (event) => {
          window.caught = { bubbles: event.bubbles, target: event.target.dataset.slot, ...event.detail };
        }),
    });
    await eventOf(page, 'filled', 'header');
    const caught = await page.evaluate(() => window.caught);
    assert.deepEqual(
      [caught.bubbles, caught.target, caught.campaign, caught.creative, caught.type],
      [true, 'header', 'big', 'big-1', 'image'],
    );
  });

  test('data-lazy asks only once the slot is near', async (t) => {
    const { page } = await open(t, `${ins('header')}<div style="height:5000px"></div>
      <div style="height:300px">${ins('side', 'data-lazy id="far"')}</div>${ins('words', 'data-lazy id="gone"')}`);
    await eventOf(page, 'viewable', 'header'); // long enough for whoever does not wait
    assert.deepEqual(page.asked.map(slotsOf), [['header']]);
    await page.evaluate(() => {
      masthead.destroy(gone);
      far.scrollIntoView();
    });
    await eventOf(page, 'viewable', 'far');
    assert.deepEqual(page.asked.map(slotsOf), [['header'], ['side']]);
  });

  test('a slot that is not displayed asks when it is', async (t) => {
    const { page, server } = await open(t, `${ins('header')}<div id="tab" hidden>${ins('side')}</div>`);
    await eventOf(page, 'viewable', 'header');
    assert.deepEqual(page.asked.map(slotsOf), [['header']]);
    await page.evaluate(() => (tab.hidden = false));
    await eventOf(page, 'filled', 'side');
    assert.deepEqual(slotsOf(page.asked[1]), ['side']);
    await untilCounted(server, 'box', { serves: 1, impressions: 1 });
  });

  test('loaded twice it works once, also where the page has an element called masthead', async (t) => {
    const { page } = await open(t, `<header id="masthead">${ins('header')}</header>`, {
      head: '<script>window.again = 1</script>',
    });
    await eventOf(page, 'filled', 'header');
    await page.evaluate(async () => {
      const script = document.createElement('script');
      script.src = `${document.querySelector('script[src]').src}?again`;
      const loaded = new Promise((resolve) => (script.onload = resolve));
      document.head.append(script);
      await loaded;
      document.body.insertAdjacentHTML('beforeend', '<ins class="masthead" data-slot="side"></ins>');
    });
    await eventOf(page, 'filled', 'side');
    assert.deepEqual(page.asked.map(slotsOf), [['header'], ['side']]);
    assert.deepEqual(page.problems, []);
  });

  test("data-click-prefix puts another tracker's address before ours, and nothing else", async (t) => {
    const prefix = 'https://tracker.example/go?to=';
    const { page, blog } = await open(
      t,
      ins('header', `data-click-prefix="${prefix}"`) +
        ins('side', 'data-click-prefix="javascript:alert(1)//"') +
        ins('words', `data-click-prefix="https://tracker.example/?a=$&amp;b="`),
      {
        campaigns: (origin) => [
          { id: 'big', slots: 'header', creatives: [{ id: 'big-1', type: 'image', size: '970x250', image: `${origin}/picture.svg`, landing: `${origin}/shop` }] },
          { id: 'box', slots: 'side', creatives: [{ id: 'box-1', type: 'image', size: '300x250', image: `${origin}/picture.svg`, landing: `${origin}/shop` }] },
          { id: 'frame', slots: 'words', creatives: [{ id: 'frame-1', type: 'html', size: '200x50', html: '<a href="{click_url}">{click_url}</a>', landing: `${origin}/shop` }] },
        ],
      },
    );
    assert.ok(blog);
    for (const slot of ['header', 'side', 'words']) await eventOf(page, 'filled', slot);
    const events = await eventsOf(page);
    const ours = (slot) => events.find((event) => event.slot === slot).detail.click_url;
    assert.equal(await page.locator('[data-slot=header] a').getAttribute('href'), prefix + encodeURIComponent(ours('header')));
    assert.equal(await page.locator('[data-slot=side] a').getAttribute('href'), ours('side'));
    const framed = page.frameLocator('[data-slot=words] iframe').locator('a');
    assert.equal(await framed.getAttribute('href'), `https://tracker.example/?a=$&b=${encodeURIComponent(ours('words'))}`);
  });

  test('never makes a slot higher than what it has reserved', async (t) => {
    const { page } = await open(t, `
      <ins class="masthead" data-slot="header" style="display:block;min-height:90px"></ins>
      <ins class="masthead" data-slot="words" style="display:block;min-height:60px;font-size:40px"></ins>
      <p>What stands below</p><div style="width:400px">${ins('side')}</div>`);
    for (const slot of ['header', 'words', 'side']) await eventOf(page, 'filled', slot);
    const height = (slot) => page.locator(`[data-slot=${slot}]`).evaluate((el) => el.offsetHeight);
    assert.deepEqual(await Promise.all(['header', 'words', 'side'].map(height)), [90, 60, 250]);
    assert.deepEqual(await page.evaluate(() => seen.shifts), []);
  });
});
