// A real Chromium, and pages that write down what happens to them.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { importCatalog } from './catalog.mjs';
import { startPages } from './page-server.mjs';
import { repository, until, whenDone } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { startServer } from './server.mjs';

// Generous, since two busy cores may be all there is; nothing waits that long when all is well.
export const patience = 30000;

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    timeout: 60000,
  });
}

// What runs in every page before its own scripts: the slots' events and the layout shifts are kept in
// window.seen, with the time of the page's clock at which they came.
function witness() {
  window.seen = { events: [], shifts: [] };
  for (const name of ['filled', 'empty', 'viewable']) {
    addEventListener(`masthead:${name}`, (event) => {
      const { target, timeStamp, detail } = event;
      seen.events.push({ name, slot: target.dataset.slot, id: target.id, at: timeStamp, detail });
    });
  }
  new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries()) {
      const inSlot = ({ node }) => (node?.closest ? node : node?.parentElement)?.closest('ins.masthead');
      seen.shifts.push({ value, inSlots: sources.filter(inSlot).length });
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

// A page in a browser profile of its own, closed when the test with context `t` ends.
//
//   context   for Browser.newContext(), such as { viewport, extraHTTPHeaders }
//   init      a function that runs in the page before all else
//
// page.problems lists the errors that its scripts threw or its console showed; page.asked the
// addresses that were asked for ads, page.loads all addresses.
export async function openPage(t, browser, { context: settings = {}, init } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    // A reader's browser, not a robot, whatever the counts make of robots.
    userAgent: `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${browser.version()} Safari/537.36`,
    ...settings,
  });
  whenDone(t, () => context.close());
  context.setDefaultTimeout(patience);
  await context.addInitScript(witness);
  if (init) await context.addInitScript(init);
  const page = await context.newPage();
  page.problems = [];
  page.loads = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (line) => line.type() === 'error' && page.problems.push(line.text()));
  page.on('request', (request) => page.loads.push(request.url()));
  Object.defineProperty(page, 'asked', {
    get: () => page.loads.map((url) => new URL(url)).filter((url) => url.pathname === '/v1/ads'),
  });
  return page;
}

// All that has happened to the slots so far, in order: { name, slot, id, at, detail }.
export const eventsOf = (page) => page.evaluate(() => seen.events);
export const shiftsOf = (page) => page.evaluate(() => seen.shifts);

// Waits for the first event `name` of the slot `which` (its id or data-slot), or for the `count`th.
export async function eventOf(page, name, which, count = 1) {
  const find = async () => {
    const events = await eventsOf(page);
    return events.filter((e) => e.name === name && [e.id, e.slot].includes(which))[count - 1];
  };
  return until(find, { timeout: patience, interval: 50, what: `masthead:${name} of ${which}` });
}

// Waits until the page's own clock shows `ms` more than `since` (of that clock).
export const clockPasses = (page, since, ms) =>
  page.waitForFunction((end) => performance.now() > end, since + ms, { polling: 50 });

// A publisher's site with an ad server beside it: { redis, server, blog }, see startPages().
//
// What it has to show, unless `campaigns` says otherwise: `big` (970x250) for slot header, `box`
// (300x250) for slot side, `words` (a text) for slot words. blog.pages takes more pages at any time.
export async function startSite(t, { campaigns = defaultCampaigns, options } = {}) {
  const blog = await startPages({
    t,
    pages: { '/picture.svg': picture, '/shop': '<h1>Shop</h1>', '/favicon.ico': '' },
  });
  const redis = await startRedis({ t });
  await importCatalog(redis, { slots, campaigns: campaigns(blog.origin) });
  const server = await startServer({ t, redis, options });
  return { redis, server, blog };
}

const slots = [
  { id: 'header', sizes: '970x250' },
  { id: 'side', sizes: '300x250' },
  { id: 'words', sizes: '200x50' },
];
const picture = {
  body: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M0 0h10v10z"/></svg>',
  headers: { 'Content-Type': 'image/svg+xml' },
};

// A campaign of one creative, for slot `slot`.
export const campaignOf = (id, slot, creative) => ({ id, slots: slot, creatives: [{ id: `${id}-1`, ...creative }] });
export const imageOf = (origin, size) => ({
  type: 'image', size, image: `${origin}/picture.svg`, alt: `A picture of ${size}`, landing: `${origin}/shop`,
});

const defaultCampaigns = (origin) => [
  campaignOf('big', 'header', imageOf(origin, '970x250')),
  campaignOf('box', 'side', imageOf(origin, '300x250')),
  campaignOf('words', 'words', {
    type: 'text', title: 'Title', body: 'Body', cta: 'Go', landing: `${origin}/shop`,
  }),
];

// Waits until the server serves all of a catalog that was imported while it ran.
export async function untilLoaded(server, { campaigns }) {
  const creatives = campaigns.flatMap((campaign) => campaign.creatives);
  const loaded = async () => {
    const { catalog } = await server.stats();
    return catalog.campaigns === campaigns.length && catalog.creatives === creatives.length;
  };
  await until(loaded, { timeout: patience, what: 'the catalog is live' });
}

// A page with the tag of `origin` and this markup in it.
export const pageWith = (origin, markup, head = '') => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>${head}
<script async src="${origin}/tag.js"></script></head>
<body>${markup}</body></html>`;

// A slot's element, and how many elements stand in one.
export const ins = (slot, more = '') => `<ins class="masthead" data-slot="${slot}" style="display:block" ${more}></ins>`;
export const contents = (page, selector) => page.locator(selector).evaluate((el) => el.children.length);

// A site of its own with this markup at '/', opened; `settings` for startSite() and openPage().
export async function openSite(t, browser, markup, { head, ...settings } = {}) {
  const site = await startSite(t, settings);
  site.blog.pages['/'] = pageWith(site.server.base, markup, head);
  const page = await openPage(t, browser, settings);
  await page.goto(site.blog.origin);
  return { ...site, page };
}

// A picture for whoever wants to look, in build/screenshots/.
export async function keepPicture(page, name) {
  const folder = path.join(repository, 'build', 'screenshots');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

// Waits until the server has counted what `expected` says of a campaign, such as { impressions: 1 }, and
// holds /stats and Redis to the same numbers.
export async function untilCounted(server, campaign, expected) {
  const told = {};
  const total = async () => {
    const pairs = await server.redis.command('HGETALL', `ad:total:{${campaign}}`);
    return Object.fromEntries(pairs.flatMap((name, i) => (i % 2 ? [] : [[name, Number(pairs[i + 1])]])));
  };
  const compare = async () => {
    told.stats = (await server.stats()).campaigns?.[campaign] ?? {};
    told.redis = await total();
    for (const [name, count] of Object.entries(expected)) {
      assert.equal(told.stats[name] ?? 0, count, `${campaign}'s ${name} in /stats`);
      assert.equal(told.redis[name] ?? 0, count, `${campaign}'s ${name} in Redis`);
    }
    return told;
  };
  return until(compare, { timeout: patience, interval: 50, what: `${campaign} is counted` });
}
