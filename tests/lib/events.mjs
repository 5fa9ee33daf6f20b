// Event streams and what adctl events makes of them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const metrics = { impression: 'impressions', viewable: 'viewables', click: 'clicks', conversion: 'conversions' };

// What rows say that has been counted: { total: { metric: n }, fields: { 'creative|slot|metric': n }, spend }.
export function countsOfRows(rows) {
  const total = {};
  const fields = {};
  let spend = 0;
  for (const row of rows) {
    const metric = row.result === 'counted' ? metrics[row.event] : row.result;
    const field = `${row.creative}|${row.slot}|${metric}`;
    total[metric] = (total[metric] ?? 0) + 1;
    fields[field] = (fields[field] ?? 0) + 1;
    spend += Number(row.price_micro);
  }
  return { total, fields, spend };
}

// The same of counts as they stand in Redis: without what is no event, and what was taken back.
export function eventsOnly(counts) {
  const isEvent = ([name, n]) => n !== 0 && !/(^|\|)(serves|spend|value\.|conversions_viewed)/.test(name);
  return Object.fromEntries(Object.entries(counts).filter(isEvent));
}

export function parseLines(text) {
  assert.ok(text === '' || text.endsWith('\n'), 'the last line is whole');
  return text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
}

// The files of a campaign, in their order: [{ name, text }].
export function filesOf(dir, campaign) {
  const folder = path.join(dir, campaign);
  return readdirSync(folder).sort().map((name) => ({ name, text: readFileSync(path.join(folder, name), 'utf8') }));
}

// Entries of the stream as they stand in Redis: [{ id, …fields }].
export async function entriesOf(redis, campaign) {
  const entries = await redis.command('XRANGE', `ad:events:{${campaign}}`, '-', '+');
  return entries.map(([id, fields]) => ({ id, ...pairs(fields) }));
}

export function pairs(list) {
  return Object.fromEntries(Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]]));
}
