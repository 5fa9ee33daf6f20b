// Macros in landing, image and html: what the answer says, and where its clicks lead.
import assert from 'node:assert/strict';
import test from 'node:test';
import { adctl, importCatalog, startRedis, startServer, until } from '../lib/harness.mjs';
import { patient, report } from '../lib/traffic.mjs';

const page = 'https://blog.example/post?a=1&b=2';

async function start(t, creatives) {
  const redis = await startRedis({ t });
  await importCatalog(redis, {
    slots: creatives.map(({ id }) => ({ id: `slot-${id}`, name: id })),
    campaigns: creatives.map((creative) => ({ id: `c-${creative.id}`, slots: `slot-${creative.id}`, creatives: [creative] })),
  });
  return { redis, server: await startServer({ t, redis, options: patient }) };
}

const image = (id, fields = {}) => ({ id, type: 'image', size: '728x90', image: '/a.png', landing: 'https://shop.example/', ...fields });
const html = (id, markup, fields = {}) => ({ id, type: 'html', size: '300x250', html: markup, landing: 'https://shop.example/', ...fields });

async function adOf(server, id, query = {}) {
  const answer = await server.get(`/v1/ads?${new URLSearchParams({ slot: `slot-${id}`, url: page, ...query })}`);
  assert.equal(answer.status, 200, answer.text);
  const { request, ads } = answer.json();
  return { request, ad: ads[0], text: answer.text };
}

const landingOf = async (url) => {
  const { status, headers } = await report(url);
  assert.equal(status, 302);
  return headers.location;
};

const emptied = async (server) => Number(/^\w*macros_emptied(?:_total)? (\d+)$/m.exec(await server.metrics())[1]);

test('every macro in html, plain and encoded', async (t) => {
  const names = ['click_url', 'request', 'slot', 'campaign', 'creative', 'page_url', 'page_domain', 'timestamp', 'random', 'width', 'height'];
  const forms = ['', ':url', ':html'];
  const markup = names.flatMap((name) => forms.map((form) => `${name} {${name}${form}}\n`)).join('');
  const { server } = await start(t, [html('all', `<p>\n${markup}</p>`)]);
  const before = Math.floor(Date.now() / 1000);
  const { request, ad, text } = await adOf(server, 'all');
  assert.ok(!text.includes('<') && !text.includes('&amp;'), 'safe inside a script element');
  const got = {};
  for (const [, name, value] of ad.html.matchAll(/^(\w+) (\S+)$/gm)) (got[name] ??= []).push(value);
  assert.deepEqual(Object.keys(got), names);
  const own = { request, slot: 'slot-all', campaign: 'c-all', creative: 'all', page_domain: 'blog.example', width: '300', height: '250' };
  for (const [name, value] of Object.entries(own)) assert.deepEqual(got[name], [value, value, value], name);
  assert.deepEqual(got.click_url, [ad.click_url, encodeURIComponent(ad.click_url), ad.click_url]);
  const inHtml = page.replace('&', '&amp;');
  assert.deepEqual(got.page_url, [inHtml, encodeURIComponent(page), inHtml]);
  assert.equal(new Set(got.timestamp).size, 1);
  assert.ok(got.timestamp[0] - before <= 60 && got.timestamp[0] >= before, 'Unix seconds');
  assert.equal(new Set(got.random).size, 1, 'one number an ad');
  assert.ok(Number.isSafeInteger(Number(got.random[0])));
  assert.notEqual((await adOf(server, 'all')).ad.html.match(/^random (\d+)$/m)[1], got.random[0]);
});

test('landing and image are filled in; the click goes to the landing of its own ad', async (t) => {
  const { server } = await start(t, [
    image('i', {
      image: 'https://pictures.example/{campaign}/{width}x{height}.png?s={slot}&r={random}&p={page_url}',
      landing: 'https://shop.example/{creative}?id={request}&from={page_domain}&at={timestamp}&p={page_url:html}#{slot}',
    }),
    { id: 't', type: 'text', title: 'A {slot}', landing: 'https://shop.example/?{width}x{height}&{page_url}' },
  ]);
  const { request, ad } = await adOf(server, 'i');
  const component = encodeURIComponent(page);
  assert.match(ad.image, /^https:\/\/pictures\.example\/c-i\/728x90\.png\?s=slot-i&r=\d+&p=/);
  assert.ok(ad.image.endsWith(`&p=${component}`));
  const landing = await landingOf(ad.click_url);
  assert.match(landing, new RegExp(`^https://shop\\.example/i\\?id=${request}&from=blog\\.example&at=\\d{10}&p=`));
  assert.ok(landing.endsWith(`&p=${component}#slot-i`));
  const text = (await adOf(server, 't')).ad;
  assert.equal(text.title, 'A {slot}');
  assert.equal(await landingOf(text.click_url), `https://shop.example/?0x0&${component}`);
});

test('no page address adds a parameter, a segment or a host to where a click goes', async (t) => {
  const { server } = await start(t, [image('i', { image: '/{slot}/{page_domain}/a.png?p={page_url}', landing: 'https://shop.example/{page_domain}/{page_url}?p={page_url:html}&last=1' })]);
  const hostile = [
    'https://blog.example/&x=1#y?z=2;q',
    'https://blog.example/@evil.example/\\..\\..//evil.example',
    'http://blog.example/"><script>alert(1)</script>',
    "https://blog.example/'%26x=1%23",
    'https://blog.example/ü {campaign} {click_url}',
    'https://../',
    'https://blog.example:81/',
  ];
  for (const url of hostile) {
    const { ad } = await adOf(server, 'i', { url });
    const landing = new URL(await landingOf(ad.click_url));
    assert.equal(landing.origin, 'https://shop.example', url);
    assert.deepEqual([...landing.searchParams], [['p', url], ['last', '1']], url);
    assert.equal(landing.hash, '');
    assert.equal(landing.pathname.split('/').length, 3, url);
    const picture = new URL(ad.image, 'https://ads.example/');
    assert.equal(picture.host, 'ads.example');
    assert.deepEqual([...picture.searchParams], [['p', url]]);
    assert.ok(picture.pathname.startsWith('/slot-i/'), ad.image);
  }
  assert.equal(await emptied(server), 0);
});

test('an address that would be too long, or not valid, goes without the page, and that is counted', async (t) => {
  const { server } = await start(t, [image('i', { image: '/a.png?s={slot}&p={page_url}', landing: 'https://shop.example/?s={slot}&p={page_url}&last=1' })]);
  const without = 'https://shop.example/?s=slot-i&p=&last=1';
  const fits = `https://blog.example/${'x'.repeat(1900)}`;
  assert.ok((await landingOf((await adOf(server, 'i', { url: fits })).ad.click_url)).endsWith(`${encodeURIComponent(fits)}&last=1`));
  assert.equal(await emptied(server), 0);
  const { ad: long } = await adOf(server, 'i', { url: `https://blog.example/${'/'.repeat(1900)}` });
  assert.equal(await landingOf(long.click_url), without);
  assert.equal(long.image, '/a.png?s=slot-i&p=');
  assert.equal(await emptied(server), 2);
  const { ad: control } = await adOf(server, 'i', { url: 'https://blog.example/\r\nLocation: https://evil.example/' });
  assert.equal(await landingOf(control.click_url), without);
  assert.equal(await emptied(server), 4);
});

test('without a page address its macros are empty', async (t) => {
  const { server } = await start(t, [html('h', '[{page_url}|{page_domain:url}]', { landing: 'https://shop.example/?p={page_url}' })]);
  const { ad } = await adOf(server, 'h', { url: '' });
  assert.equal(ad.html, '[|]');
});

test('{click_url=…} has a signed address of its own that leads there and counts', async (t) => {
  const markup = '<a href="{click_url=https://Shop.example/a?b=1&c=2}">1</a><a href="{click_url:url=https://more.brand.example:8443/x}">2</a><a href="{click_url}">3</a>';
  const { server } = await start(t, [html('h', markup, { click_domains: ['brand.example'] })]);
  const { ad } = await adOf(server, 'h');
  const [first, second, third] = [...ad.html.matchAll(/href="(.*?)"/g)].map(([, url]) => url);
  assert.equal(await landingOf(first), 'https://Shop.example/a?b=1&c=2');
  assert.equal(await landingOf(decodeURIComponent(second)), 'https://more.brand.example:8443/x');
  assert.equal(third, ad.click_url);
  assert.equal(await landingOf(third), 'https://shop.example/');
  assert.equal((await report(`${first.slice(0, -1)}${first.endsWith('A') ? 'B' : 'A'}`)).status, 403);
  assert.equal(await landingOf(`${first}?next=https://evil.example/`), 'https://Shop.example/a?b=1&c=2');
  await until(async () => (await server.stats()).campaigns['c-h'].clicks === 1, { what: 'one click an impression' });
});

test('a third party chains its click before ours, and the round trip ends at the landing', async (t) => {
  const { server } = await start(t, [
    html('h', '<a href="https://third.example/click?next={click_url:url}&cb={random}">x</a><a href="https://third.example/click?next={click_url:url=https://shop.example/deep?x=%26}">y</a>', { landing: 'https://shop.example/?via={page_domain}' }),
  ]);
  const { ad } = await adOf(server, 'h');
  const [one, two] = [...ad.html.matchAll(/href="(.*?)"/g)].map(([, url]) => new URL(url));
  assert.deepEqual([...one.searchParams.keys()], ['next', 'cb']);
  assert.equal(one.searchParams.get('next'), ad.click_url);
  assert.equal(await landingOf(one.searchParams.get('next')), 'https://shop.example/?via=blog.example');
  assert.equal(await landingOf(two.searchParams.get('next')), 'https://shop.example/deep?x=%26');
});

test('a creative whose macros may not stand there is refused with the reason', async (t) => {
  const bad = [
    image('host', { landing: 'https://{page_domain}/' }),
    html('outside', '{click_url=https://evil.example/}', { click_domains: ['brand.example'] }),
  ];
  const { redis, server } = await start(t, [image('good'), ...bad]);
  assert.equal((await adOf(server, 'good')).ad.creative, 'good');
  const { rejected } = (await server.stats()).catalog;
  const said = Object.fromEntries(rejected.map(({ key, field, error }) => [key, `${field}: ${error}`]));
  assert.match(said['ad:creative:host'], /^landing: a macro stands in its scheme, host or port; allowed: /);
  assert.match(said['ad:creative:outside'], /^html: \{click_url=https:\/\/evil\.example\/\}: "evil\.example" is neither in click_domains nor the landing's host; allowed: /);
  const { code, stderr } = await adctl(['validate'], { redis });
  assert.equal(code, 1);
  assert.match(stderr, /neither in click_domains/);
});

test('adctl knows click_domains as a list', async (t) => {
  const { redis } = await start(t, [html('h', '{click_url=https://a.brand.example/}', { click_domains: ['brand.example', 'other.example'] })]);
  const { code, stdout } = await adctl(['export'], { redis });
  assert.equal(code, 0);
  const [campaign] = JSON.parse(stdout).campaigns;
  assert.deepEqual(campaign.creatives[0].click_domains, ['brand.example', 'other.example']);
});
