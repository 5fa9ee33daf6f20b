// What comes later to a page goes with what is there.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { campaignOf, eventOf, imageOf, ins, openSite, startBrowser } from '../lib/browser.mjs';

describe('the page as a whole', { timeout: 280000 }, () => {
  let browser;
  before(async () => (browser = await startBrowser()));
  after(() => browser.close());

  test('a slot that comes later has no competitor of the one that is there', async (t) => {
    const campaigns = (origin) => [
      { ...campaignOf('cars', 'header', imageOf(origin, '970x250')), exclusions: 'cars' },
      { ...campaignOf('rival', 'side', imageOf(origin, '300x250')), exclusions: 'cars', weight: '1000000' },
      campaignOf('tea', 'side', imageOf(origin, '300x250')),
    ];
    const { server, page } = await openSite(t, browser, ins('header'), { campaigns });
    await eventOf(page, 'filled', 'header');
    await page.evaluate((markup) => document.body.insertAdjacentHTML('beforeend', markup), ins('side'));
    await eventOf(page, 'filled', 'side');
    const [first, second] = page.asked.map((url) => url.searchParams.getAll('page'));
    assert.deepEqual(first, []);
    assert.equal(second.filter(Boolean).length, 1);
    const { campaigns: told } = await server.stats();
    assert.equal(told.tea.serves, 1);
    assert.equal(told.rival.serves, 0);
    assert.equal(told.rival.rejected.exclusion, 1);
  });

  test('what a slot shows does not keep it from showing it again', async (t) => {
    const { page } = await openSite(t, browser, ins('header'));
    await eventOf(page, 'filled', 'header');
    await page.evaluate(() => masthead.refresh(document.querySelector('[data-slot=header]')));
    await eventOf(page, 'filled', 'header', 2);
    assert.deepEqual(page.asked.map((url) => url.searchParams.getAll('page').filter(Boolean)), [[], []]);
  });
});
