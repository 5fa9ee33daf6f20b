// Values of macros in a real browser: whatever stands in a page's address, it stays a value.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { campaignOf, eventOf, ins, openPage, pageWith, startBrowser, startSite } from '../lib/browser.mjs';

// A creative with the page's address in every place where a value may stand. What breaks out of its
// place calls stolen(), or leaves something behind that the test looks for.
const markup = (form) => {
  const value = `{page_url${form}}`;
  return `<!doctype html><html><head><style>
#styled { background-image: url(${value}); color: rgb(1, 2, 3) }
#quoted { background-image: url("${value}"); color: rgb(1, 2, 3) }
</style></head><body>
<script>var stolen = (how) => (window.broken = how || true); addEventListener('error', (e) => (window.broken = e.message));</script>
<p id="text">${value}</p>
<!-- ${value} --><i id="after-comment"></i>
<textarea id="area">${value}</textarea>
<a id="double" title="${value}" href="${value}">x</a>
<a id="single" title='${value}' href='${value}'>x</a>
<a id="bare" title=${value} href=${value}>x</a>
<b id="handler" onclick="window.single = '${value}'; window.double = &quot;${value}&quot;; window.template = \`${value}\`">x</b>
<i id="styled"></i><i id="quoted"></i><i id="inline" style="background-image: url('${value}'); color: rgb(1, 2, 3)"></i>
<script>
// ${value}
/* ${value} */
window.strings = ['${value}', "${value}", \`${value}\`];
window.component = decodeURIComponent('{page_url:url}');
window.domain = '{page_domain}';
</script>
<i id="end"></i>
</body></html>`;
};

const payloads = [
  'https://x.example/plain?a=1&b=2#c',
  `https://x.example/"><script>stolen('script')</script>`,
  `https://x.example/'><img src=x onerror="stolen('img')">`,
  `https://x.example/ onmouseover=stolen() autofocus onfocus=stolen() `,
  `https://x.example/';stolen('js');'`,
  `https://x.example/";stolen('js');"`,
  'https://x.example/`;stolen();`${stolen()}',
  `https://x.example/&#39;;stolen('reference');&#39;`,
  `https://x.example/&quot;;stolen('reference');&quot;&apos;;stolen();&#x27;&#96;&lt;script&gt;`,
  `https://x.example/&ltscript&gtstolen()&lt/script`,
  `https://x.example/\\';stolen('backslash');//\\`,
  `https://x.example/</script><script>stolen('ended')</script>`,
  `https://x.example/<!--<script>`,
  `https://x.example/--><script>stolen('comment')</script>--!><img src onerror=stolen()>`,
  `https://x.example/*/stolen('comment')/*`,
  `https://x.example/</textarea></title></style><script>stolen('element')</script>`,
  `https://x.example/\nstolen('line')//\r\nstolen()//\u2028stolen('2028')//\u2029stolen()//`,
  `https://x.example/);}*{color:rgb(9,9,9)!important}b{background:url(`,
  `https://x.example/");}*{color:rgb(9,9,9)!important}/*`,
  `https://x.example/\\27\\29;color:rgb(9,9,9)!important;');color:rgb(9,9,9)!important`,
  `https://x.example/{click_url}{random}<{slot}>`,
  'https://x.example/%27;stolen();%27%22%3E%3Cscript%3Estolen()%3C/script%3E%0a',
  'https://x.example/\u{1f600}ü\u202e\ufeff\u0085\u00a0\u007f\t',
  "https://javascript:80/';stolen()",
];

// The address that a value of plain form stands for: only what an address may not hold is escaped.
const normalized = (url) => url.replace(/[^A-Za-z0-9\-._~:/?#[\]@!+,;=%&]/gu, (c) => [...new TextEncoder().encode(c)].map((b) => `%${b.toString(16).toUpperCase().padStart(2, '0')}`).join(''));

// What the creative's document looks like from inside.
function look() {
  document.querySelector('#handler').click();
  const style = (id) => getComputedStyle(document.getElementById(id)).color;
  return {
    broken: window.broken,
    text: document.querySelector('#text').textContent,
    area: document.querySelector('#area').value,
    titles: ['double', 'single', 'bare'].map((id) => document.getElementById(id).title),
    hrefs: ['double', 'single', 'bare'].map((id) => document.getElementById(id).getAttribute('href')),
    attributes: ['double', 'single', 'bare'].flatMap((id) => document.getElementById(id).getAttributeNames()),
    handler: [window.single, window.double, window.template],
    strings: window.strings,
    component: window.component,
    domain: window.domain,
    colors: ['styled', 'quoted', 'inline'].map(style),
    elements: [...document.querySelectorAll('body *')].map((el) => el.id || el.localName),
  };
}

const elements = ['script', 'text', 'after-comment', 'area', 'double', 'single', 'bare', 'handler', 'styled', 'quoted', 'inline', 'script', 'end'];

describe('macros', { timeout: 280000 }, () => {
  let browser;
  before(async () => (browser = await startBrowser()));
  after(() => browser.close());

  // The frame that the tag makes, filled with what the server answers for a page of that address.
  async function show(page, server, url) {
    const [ad] = await server.ads({ slot: 'side', url });
    await page.evaluate((srcdoc) => {
      const frame = Object.assign(document.createElement('iframe'), { sandbox: 'allow-scripts', srcdoc });
      document.body.replaceChildren(frame);
      return new Promise((resolve) => (frame.onload = resolve));
    }, ad.html);
    return page.frames().at(-1).evaluate(look);
  }

  for (const form of ['', ':html', ':url']) {
    test(`hostile page addresses stay values: {page_url${form}}`, async (t) => {
      const { server } = await startSite(t, {
        campaigns: (origin) => [campaignOf('frame', 'side', { type: 'html', size: '300x250', html: markup(form), landing: `${origin}/shop` })],
      });
      const page = await openPage(t, browser);
      await page.route(/^https:\/\/[^/]*(x\.example|javascript)/, (route) => route.abort()); // style sheets ask
      await page.goto(`${server.base}/tag.js`); // any document of an origin that may have frames
      const encode = form === ':url' ? (url) => encodeURIComponent(url).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`) : normalized;
      for (const url of payloads) {
        const seen = await show(page, server, url);
        const value = encode(url);
        const raw = value.replaceAll('&', '&amp;'); // scripts read no character references
        assert.equal(seen.broken, undefined, url);
        assert.deepEqual(seen.elements, elements, url);
        assert.deepEqual([seen.text, seen.area], [value, value], url);
        assert.deepEqual([...seen.titles, ...seen.hrefs], Array(6).fill(value), url);
        assert.deepEqual(seen.attributes, Array(3).fill(['id', 'title', 'href']).flat(), url);
        assert.deepEqual(seen.handler, [value, value, value], url);
        assert.deepEqual(seen.strings, [raw, raw, raw], url);
        assert.equal(seen.component, url);
        assert.deepEqual(seen.colors, Array(3).fill('rgb(1, 2, 3)'), url);
      }
    });
  }

  test("the tag shows the creative of a page with a hostile address, and a third party's click comes back", async (t) => {
    const { blog, server } = await startSite(t, {
      campaigns: (origin) => [
        campaignOf('frame', 'side', {
          type: 'html',
          size: '300x250',
          html: `<p title='{page_url}'>{page_url}</p><a id=chained href="${origin}/third?next={click_url:url}" target=_blank>x</a><a id=own href="{click_url=${origin}/deep?x=1}" target=_blank>y</a>`,
          landing: `${origin}/shop?from={page_url}`,
        }),
      ],
    });
    const where = "/post?q='\"><img src=x onerror=parent.stolen=1>&amp;b=2";
    blog.pages['/deep'] = '<h1>Deep</h1>';
    blog.pages['/post'] = pageWith(server.base, ins('side'));
    const page = await openPage(t, browser);
    await page.goto(blog.origin + where);
    await eventOf(page, 'filled', 'side');
    const frame = page.frameLocator('ins iframe');
    const here = page.url();
    assert.equal(await frame.locator('p').textContent(), normalized(here));
    assert.equal(await frame.locator('p').getAttribute('title'), normalized(here));
    assert.equal(await frame.locator('img').count(), 0);
    const chained = new URL(await frame.locator('#chained').getAttribute('href'));
    const ask = (url) => page.request.get(url, { maxRedirects: 0 });
    const back = await ask(chained.searchParams.get('next'));
    assert.equal(back.status(), 302);
    assert.equal(new URL(back.headers().location).searchParams.get('from'), here);
    const own = await ask(await frame.locator('#own').getAttribute('href'));
    assert.equal(own.headers().location, `${blog.origin}/deep?x=1`);
  });
});
