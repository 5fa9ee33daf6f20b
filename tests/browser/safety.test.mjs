// What an ad must not do to a page, and what a page, its policy or its reader may forbid the tag.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  campaignOf, eventOf, imageOf, ins, openPage, pageWith, startBrowser, startSite,
  untilCounted,
} from '../lib/browser.mjs';

const anyHtml = (html) => (origin) => [
  campaignOf('frame', 'side', { type: 'html', size: '300x250', html, landing: `${origin}/shop` }),
];

// Runs in an HTML creative and tries what it must not be able to; tells the page how each went.
function attack(origin) {
  const tries = {
    'read the page': () => parent.document.title,
    'change the page': () => parent.document.body.remove(),
    'call the tag': () => parent.masthead.destroy,
    'read cookies': () => document.cookie,
    'set cookies': () => (document.cookie = 'stolen=1'),
    'use storage': () => localStorage.length,
    'use session storage': () => sessionStorage.length,
    'open a database': () => indexedDB.open('stolen'),
    'send the reader away': () => (top.location = `${origin}/stolen?top`),
    'replace the page': () => top.location.replace(`${origin}/stolen?replace`),
  };
  const told = {};
  for (const [name, act] of Object.entries(tries)) {
    try {
      told[name] = `went through: ${act()}`;
    } catch (error) {
      told[name] = error.name;
    }
  }
  // These fail without a word.
  alert('stolen');
  confirm('stolen');
  prompt('stolen');
  print();
  const form = document.createElement('form');
  Object.assign(form, { method: 'post', action: `${origin}/stolen?form` });
  document.body.append(form);
  form.submit();
  const link = Object.assign(document.createElement('a'), { href: 'data:text/plain,x', download: 'stolen.txt' });
  document.body.append(link);
  link.click();
  const away = Object.assign(document.createElement('a'), { href: `${origin}/stolen?link`, target: '_top' });
  document.body.append(away);
  away.click();
  const worker = () => navigator.serviceWorker.register(`${origin}/stolen.js`);
  const inside = document.createElement('iframe');
  inside.srcdoc = '<script>try { top.location = "about:blank#stolen" } catch {}<\/script>';
  document.body.append(inside);
  inside.onload = async () => {
    told['install a worker'] = await Promise.resolve().then(worker).then(() => 'went through', (e) => e.name);
    parent.postMessage(told, '*');
  };
}

describe('safety', { timeout: 280000 }, () => {
  let browser;
  before(async () => (browser = await startBrowser()));
  after(() => browser.close());

  test('the tag has at most 2,000 bytes gzipped', async (t) => {
    const { server } = await startSite(t);
    const tag = await server.get('/tag.js');
    assert.equal(tag.status, 200);
    assert.match(tag.headers['content-type'], /^text\/javascript/);
    const { length } = gzipSync(tag.body, { level: 9 });
    assert.ok(length <= 2000, `${length} bytes`);
    assert.doesNotMatch(tag.text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/);
  });

  test('an HTML creative cannot reach the page', async (t) => {
    const { blog, server } = await startSite(t, {
      campaigns: (origin) =>
        anyHtml(`<!doctype html><body>Buy<script>(${attack})(${JSON.stringify(origin)})</script>`)(origin),
    });
    blog.pages['/'] = {
      body: pageWith(server.base, `<h1>Mine</h1>${ins('side')}`),
      headers: { 'Set-Cookie': 'secret=1' },
    };
    const init = () => {
      if (window === top) addEventListener('message', (event) => (window.told = { ...event.data, origin: event.origin }));
    };
    const page = await openPage(t, browser, { init });
    const unwanted = [];
    page.on('dialog', (dialog) => {
      unwanted.push(`dialog ${dialog.type()}`);
      void dialog.dismiss();
    });
    page.on('download', () => unwanted.push('download'));
    page.context().on('page', () => unwanted.push('page'));
    await page.goto(blog.origin);
    await eventOf(page, 'filled', 'side');
    await page.waitForFunction(() => window.told);

    const { origin, ...told } = await page.evaluate(() => window.told);
    assert.equal(origin, 'null', 'it has an origin of its own');
    for (const [name, how] of Object.entries(told)) assert.equal(how, 'SecurityError', name);
    assert.equal(Object.keys(told).length, 11);

    await eventOf(page, 'viewable', 'side'); // whatever it began has had its time
    assert.deepEqual(unwanted, []);
    assert.deepEqual(blog.requests.filter(({ url }) => url.includes('stolen')), []);
    assert.equal(page.url(), `${blog.origin}/`);
    assert.equal(await page.title(), 'A page');
    assert.equal(await page.textContent('h1'), 'Mine');
    assert.equal(await page.evaluate(() => document.cookie), 'secret=1');
    assert.deepEqual(
      await page.evaluate(() => Object.keys(localStorage)),
      ['masthead'],
      'the page has only what the tag keeps',
    );
    const frame = page.locator('ins iframe');
    assert.equal(
      await frame.getAttribute('sandbox'),
      'allow-scripts allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation',
    );
    assert.deepEqual(
      await Promise.all(['width', 'height'].map((name) => frame.getAttribute(name))),
      ['300', '250'],
    );
  });

  test('markup in a text stays text', async (t) => {
    const hostile = {
      title: '<img src=x onerror="window.stolen=1">',
      body: '</b></a><script>window.stolen=2</script> & "quotes" \' {click_url}',
      cta: '<b onclick=alert(1)>Go',
    };
    const { blog, server } = await startSite(t, {
      campaigns: (origin) => [
        campaignOf('words', 'words', { type: 'text', ...hostile, landing: `${origin}/shop` }),
        campaignOf('box', 'side', { ...imageOf(origin, '300x250'), alt: '"><script>window.stolen=3</script>' }),
      ],
    });
    blog.pages['/'] = pageWith(server.base, ins('words') + ins('side'));
    const page = await openPage(t, browser);
    await page.goto(blog.origin);
    await eventOf(page, 'filled', 'words');
    await eventOf(page, 'filled', 'side');
    const parts = await page.locator('[data-slot=words] a').evaluate((el) => [...el.children].map((c) => c.textContent));
    assert.deepEqual(parts, Object.values(hostile));
    assert.equal(await page.locator('ins a * *').count(), 0);
    assert.equal(await page.getAttribute('ins img', 'alt'), '"><script>window.stolen=3</script>');
    assert.equal(await page.evaluate(() => window.stolen), undefined);
    assert.deepEqual(page.problems, []);
  });

  const strict = (origin) =>
    `default-src 'none'; script-src ${origin}; connect-src ${origin}; img-src ${origin}; frame-src ${origin}`;

  test('a policy that names our origin alone is enough for pictures and texts', async (t) => {
    const { blog, server } = await startSite(t, {
      options: { 'server.demo': 'on' },
      campaigns: (origin) => [
        campaignOf('box', 'side', { ...imageOf(origin, '300x250'), image: '/demo/img/rainwear-300x250.svg' }),
        campaignOf('words', 'words', { type: 'text', title: 'Title', body: 'Body', cta: 'Go', landing: `${origin}/shop` }),
      ],
    });
    blog.pages['/'] = {
      body: pageWith(server.base, '<ins class="masthead" data-slot="side"></ins><ins class="masthead" data-slot="words"></ins>'),
      headers: { 'Content-Security-Policy': strict(server.base) },
    };
    const init = () => {
      window.refused = [];
      addEventListener('securitypolicyviolation', (e) => refused.push(`${e.violatedDirective} ${e.blockedURI}`));
    };
    const page = await openPage(t, browser, { init });
    await page.goto(blog.origin);
    await eventOf(page, 'viewable', 'side');
    await eventOf(page, 'viewable', 'words');
    // Styles came through, too.
    assert.equal(await page.locator('ins img').evaluate((el) => getComputedStyle(el).maxWidth), '100%');
    assert.deepEqual(await page.evaluate(() => refused), []);
    assert.deepEqual(page.problems, []);
    await untilCounted(server, 'box', { impressions: 1, viewables: 1 });
    await untilCounted(server, 'words', { impressions: 1, viewables: 1 });
  });

  test('under such a policy an HTML creative shows its markup, and its scripts rest', async (t) => {
    const html = '<p>Buy</p><script>document.querySelector("p").textContent = "ran"</script>';
    const { blog, server } = await startSite(t, { campaigns: anyHtml(html) });
    blog.pages['/'] = {
      body: pageWith(server.base, ins('side')),
      headers: { 'Content-Security-Policy': strict(server.base) },
    };
    const page = await openPage(t, browser);
    await page.goto(blog.origin);
    await eventOf(page, 'filled', 'side');
    assert.equal(await page.frameLocator('ins iframe').locator('p').textContent(), 'Buy');
    await untilCounted(server, 'frame', { impressions: 1 });
  });

  test('a policy for trusted types leaves the slot empty and the page alone', async (t) => {
    const { blog, server } = await startSite(t, { campaigns: anyHtml('<p>Buy</p>') });
    blog.pages['/'] = {
      body: pageWith(server.base, ins('side')),
      headers: { 'Content-Security-Policy': "require-trusted-types-for 'script'" },
    };
    const page = await openPage(t, browser);
    const thrown = [];
    page.on('pageerror', (error) => thrown.push(error));
    await page.goto(blog.origin);
    await eventOf(page, 'empty', 'side');
    assert.deepEqual(thrown, []);
    await untilCounted(server, 'frame', { serves: 1, impressions: 0 });
  });

  test('the id of a viewer is kept, valid, and the same for every page of the site', async (t) => {
    const { blog, server } = await startSite(t);
    blog.pages['/'] = blog.pages['/other'] = pageWith(server.base, ins('side'));
    const page = await openPage(t, browser);
    const idOn = async (where) => {
      await page.goto(blog.origin + where);
      await eventOf(page, 'filled', 'side');
      return page.asked.at(-1).searchParams.get('uid');
    };
    const id = await idOn('/');
    assert.match(id, /^[A-Za-z0-9_-]{8,64}$/);
    assert.equal(await idOn('/other'), id);
    assert.equal(await page.evaluate(() => localStorage.masthead), id);
    // What someone else put there and is no id is replaced.
    await page.evaluate(() => (localStorage.masthead = 'open; wide'));
    const next = await idOn('/');
    assert.match(next, /^[A-Za-z0-9_-]{8,64}$/);
    assert.notEqual(next, id);
  });

  test('with Global Privacy Control there is no id, and nothing is stored', async (t) => {
    const { blog, server } = await startSite(t);
    blog.pages['/'] = pageWith(server.base, ins('side'));
    const page = await openPage(t, browser, {
      context: { extraHTTPHeaders: { 'Sec-GPC': '1' } },
      init: () => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }),
    });
    await page.goto(blog.origin);
    await eventOf(page, 'filled', 'side');
    assert.equal(page.asked[0].searchParams.get('uid') || '', '');
    assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0);
    await untilCounted(server, 'box', { impressions: 1 });
  });

  test('without storage there is no id, and the ad comes all the same', async (t) => {
    const { blog, server } = await startSite(t);
    // A sandboxed page has no storage: asking for it throws.
    blog.pages['/'] = {
      body: pageWith(server.base, ins('side')),
      headers: { 'Content-Security-Policy': 'sandbox allow-scripts' },
    };
    const page = await openPage(t, browser);
    await page.goto(blog.origin);
    await eventOf(page, 'filled', 'side');
    assert.equal(page.asked[0].searchParams.get('uid') || '', '');
    assert.deepEqual(page.problems, []);
  });
});
