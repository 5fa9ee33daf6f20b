// What was acknowledged, and whether exactly that is counted.
//
// Of an event that was acknowledged it is known that it was dealt with once. Of one whose answer never
// came, or was a refusal, it is not known: it may count, once. So for every token (its creative is its
// own), kind and reason there are two numbers between which the count has to be.
import { disguiseWords, kinds } from './villain_plan.mjs';

export class Book {
  constructor() {
    this.rows = new Map(); // "<creative>|<slot>" of a campaign
    this.acknowledged = 0;
    this.unknown = 0;
  }

  row(token) {
    const name = `${token.campaign} ${token.creative}|${token.slot}`;
    let row = this.rows.get(name);
    if (!row) this.rows.set(name, (row = { campaign: token.campaign, tokens: new Map() }));
    let own = row.tokens.get(token.number);
    if (!own) row.tokens.set(token.number, (own = { sure: [0, 0, 0], open: [0, 0, 0], words: {} }));
    return own;
  }

  note({ token, kind, word }, acknowledged) {
    const own = this.row(token);
    if (acknowledged) this.acknowledged++;
    else this.unknown++;
    if (!word) return void (acknowledged ? own.sure : own.open)[kind]++;
    const of = (own.words[word] ??= { sure: 0, open: 0 });
    of[acknowledged ? 'sure' : 'open']++;
  }
}

const sum = (list) => list.reduce((a, b) => a + b, 0);

// What a token's events may come to. An impression is implied by a viewable or click that comes first,
// which only Redis knows, so `implied` is a range, too.
function boundsOf({ sure, open }) {
  const any = sure.map((n, kind) => n + open[kind] > 0);
  const beyond = any[1] || any[2];
  return {
    first: [sum(sure) > 0, sure[1] > 0, sure[2] > 0].map(Number),
    most: [any[0] || beyond, any[1], any[2]].map(Number),
    events: [sum(sure), sum(sure) + sum(open)],
    implied: [!any[0] && sure[1] + sure[2] > 0 ? 1 : 0, beyond ? 1 : 0],
  };
}

const addLists = (a, b) => a.map((n, i) => n + b[i]);

function boundsOfRow(row) {
  const all = [...row.tokens.values()].map(boundsOf);
  return Object.fromEntries(Object.keys(all[0]).map((name) => [name, all.map((one) => one[name]).reduce(addLists)]));
}

function wordsOfRow(row) {
  const words = {};
  for (const { words: own } of row.tokens.values())
    for (const [word, { sure, open }] of Object.entries(own)) {
      const of = (words[word] ??= [0, 0]);
      of[0] += sure;
      of[1] += sure + open;
    }
  return words;
}

const above = (n, most) => Math.max(0, n - most);

// `counts` is { metric: n } of the row, over all hours. Gives { lost, double }.
function judge(row, counts, isBound) {
  const bounds = boundsOfRow(row);
  const of = (metric) => counts[metric] ?? 0;
  const over = of('over_goal');
  const dealt = sum(kinds.map(of)) + of('duplicate') + over;
  const implied = isBound ? [0, bounds.implied[1]] : bounds.implied;
  let lost = above(bounds.events[0], dealt - implied[0]);
  let double = above(dealt - implied[1], bounds.events[1]);
  const missing = kinds.map((metric, kind) => above(bounds.first[kind], of(metric) + (isBound ? over : 0)));
  lost = Math.max(lost, sum(missing));
  double = Math.max(double, sum(kinds.map((metric, kind) => above(of(metric), bounds.most[kind]))));
  if (!isBound) double = Math.max(double, over);
  const words = wordsOfRow(row);
  for (const word of disguiseWords) {
    const [least, most] = words[word] ?? [0, 0];
    const n = of(word) + (word === 'bot' ? of('not_browser') : 0);
    lost += above(least, n);
    double += above(n, most);
  }
  return { lost, double };
}

// Fields of a campaign's hours by place: { "<creative>|<slot>": { metric: n } }.
function byPlace(fields) {
  const places = {};
  for (const [field, n] of Object.entries(fields)) {
    const cut = field.lastIndexOf('|');
    (places[field.slice(0, cut)] ??= {})[field.slice(cut + 1)] = n;
  }
  return places;
}

// `counts` by campaign, as countsInRedis() gives them; `bound` the ids of campaigns with bounds. Gives
// { lost, double, wrong }: numbers of events, and what is wrong, in words.
export function compare(book, counts, bound) {
  const result = { lost: 0, double: 0, wrong: [] };
  const places = Object.fromEntries(Object.entries(counts).map(([campaign, { fields }]) => [campaign, byPlace(fields)]));
  for (const [name, row] of book.rows) {
    const place = name.slice(name.indexOf(' ') + 1);
    const own = places[row.campaign][place] ?? {};
    delete places[row.campaign][place];
    const { lost, double } = judge(row, own, bound.includes(row.campaign));
    result.lost += lost;
    result.double += double;
    if (lost + double > 0)
      result.wrong.push(`${name}: ${lost} lost, ${double} double; counted ${JSON.stringify(own)}, sent ${JSON.stringify([...row.tokens.values()].slice(0, 3))}`);
  }
  for (const [campaign, rest] of Object.entries(places))
    for (const [place, own] of Object.entries(rest)) {
      const n = sum(Object.entries(own).map(([metric, value]) => (metric.startsWith('serves') ? 0 : value)));
      result.double += n;
      if (n > 0) result.wrong.push(`${campaign} ${place}: never sent, counted ${JSON.stringify(own)}`);
    }
  return result;
}

const micro = (text) => Math.round(Number(text ?? 0) * 1e6);

// What the sums of one campaign break: totals are those of the hours, money is what the counts cost,
// and no bound is passed. `goal` is its HASH of days.
export function brokenSums(campaign, { sums, total }, goal) {
  const wrong = [];
  const say = (text) => wrong.push(`${campaign.id}: ${text}`);
  const { spend_rest: rest = 0, ...totals } = total;
  for (const metric of new Set([...Object.keys(sums), ...Object.keys(totals)]))
    if ((sums[metric] ?? 0) !== (totals[metric] ?? 0)) say(`${metric} is ${sums[metric] ?? 0} over the hours, ${totals[metric] ?? 0} in total`);
  const { impressions = 0, clicks = 0, spend = 0 } = total;
  const cost = impressions * micro(campaign.cpm) + clicks * micro(campaign.cpc) * 1000;
  if (spend * 1000 + rest !== cost) say(`${impressions} impressions and ${clicks} clicks cost ${cost}, spent is ${spend * 1000 + rest}`);
  const bound = (what, n, most) => most !== undefined && n > most && say(`${what} ${n} above ${most}`);
  bound('impressions', impressions, campaign.goal_impressions);
  bound('clicks', clicks, campaign.goal_clicks);
  bound('spend', spend, campaign.budget && micro(campaign.budget));
  const days = Object.entries(goal).filter(([field]) => /^(impressions|spend):\d+$/.test(field));
  for (const [field, n] of days) {
    const [what] = field.split(':');
    bound(field, Number(n), what === 'spend' ? campaign.daily_budget && micro(campaign.daily_budget) : campaign.daily_impressions);
  }
  const ofDays = sum(days.filter(([field]) => field.startsWith('impressions')).map(([, n]) => Number(n)));
  if (days.length > 0 && ofDays !== impressions) say(`${ofDays} impressions over the days, ${impressions} in total`);
  return wrong;
}
