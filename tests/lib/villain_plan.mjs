// Which events a seed sends: impressions, viewables and clicks of tokens signed here, many of them
// again and at other servers, some as what is not to be counted.
import { nextImpression, signToken } from './tokens.mjs';
import { browser } from './traffic.mjs';

export const kinds = ['impressions', 'viewables', 'clicks'];
const doors = ['i', 'v', 'c'];
const hour = 3600 * 1000;
const recentTokens = 4000;

const picture = { type: 'image', size: '728x90', image: 'https://pictures.example/a.png', landing: 'https://shop.example/' };

// How many of the tokens each campaign gets; each token has a creative of its own, but for `shared`.
const shares = { plain: 40, shared: 10, priced: 15, goal: 12, money: 12, daily: 11 };

// The campaigns; bounds are such that about half of what is sent for them has room.
export function villainCatalog(events) {
  const tokens = (name) => Math.round((events * 0.42 * shares[name]) / 100);
  const fields = {
    plain: {},
    shared: {},
    priced: { cpm: '1.3715', cpc: '0.05' },
    goal: { goal_impressions: Math.ceil(tokens('goal') / 2), goal_clicks: Math.ceil(tokens('goal') / 5) },
    money: { cpm: '2.0015', cpc: '0.003', budget: ((tokens('money') / 2) * 0.003).toFixed(6) },
    daily: { cpm: '1', daily_impressions: Math.ceil(tokens('daily') / 3), daily_budget: ((tokens('daily') / 4) * 0.001).toFixed(6) },
  };
  return {
    slots: slots.map((id) => ({ id, sizes: '728x90' })),
    campaigns: Object.entries(fields).map(([id, more]) => ({ id, slots: '*', pacing: 'asap', ...more, creatives: [{ id: `${id}-1`, ...picture }] })),
  };
}

const slots = ['header', 'post-top'];

// What an event can be disguised as: the word that it is counted under, and how it is said.
const disguises = {
  bot: { method: 'GET', headers: '' },
  prefetch: { method: 'GET', headers: `User-Agent: ${browser}\r\nSec-Purpose: prefetch\r\n` },
  head: { method: 'HEAD', headers: `User-Agent: ${browser}\r\n` },
};
export const disguiseWords = [...Object.keys(disguises), 'late'];
const plainHeaders = `User-Agent: ${browser}\r\n`;

export class Plan {
  constructor(random, key, servers) {
    Object.assign(this, { random, key, servers });
    this.tokens = [];
    this.again = []; // events to be sent once more, the soonest last
    this.at = 0; // how many have been planned
  }

  // The next event: { token, kind, word, server, method, path, headers }; `word` is its reason where
  // it is not to be counted.
  next() {
    this.at++;
    const soonest = this.again.at(-1);
    if (soonest && soonest.due <= this.at) return { ...this.again.pop().event, server: this.random.below(this.servers) };
    const event = this.make();
    if (this.random.chance(0.12)) this.repeat(event, this.random.chance(0.5) ? 1 : this.random.below(3000));
    return event;
  }

  repeat(event, within) {
    const due = this.at + within;
    const later = { due, event };
    const place = this.again.findIndex((other) => other.due <= due);
    this.again.splice(place < 0 ? this.again.length : place, 0, later);
  }

  make() {
    const { random } = this;
    const isNew = this.tokens.length === 0 || random.chance(0.48);
    const token = isNew ? this.sign() : this.tokens[this.tokens.length - 1 - random.below(Math.min(recentTokens, this.tokens.length))];
    const kind = Number(random.weighted(isNew ? [90, 5, 5] : [30, 42, 28]));
    const disguise = random.chance(0.07) ? random.pick(Object.keys(disguises)) : null;
    const how = disguise ? disguises[disguise] : { method: kind < 2 && random.chance(0.2) ? 'POST' : 'GET', headers: plainHeaders };
    const length = how.method === 'POST' ? 'Content-Length: 0\r\n' : '';
    const gif = kind === 0 && random.chance(0.1) ? '.gif' : '';
    return {
      token,
      kind,
      word: disguise ?? (token.late ? 'late' : null),
      server: random.below(this.servers),
      method: how.method,
      path: `/v1/${doors[kind]}/${token.text}${gif}`,
      headers: how.headers + length,
    };
  }

  // So long ago that a clock that is an hour off changes nothing: no token is from its future.
  sign() {
    const { random, tokens } = this;
    const campaign = random.weighted(shares);
    const late = random.chance(0.01);
    const number = tokens.length;
    const token = {
      number,
      campaign,
      creative: campaign === 'shared' ? 'shared-1' : `t${number.toString(36)}`,
      slot: random.pick(slots),
      late,
    };
    token.text = signToken(this.key, {
      ...token,
      issued: Date.now() - (late ? 60 * hour : (2 + 18 * random.next()) * hour),
      landing: 'https://shop.example/',
      impression: nextImpression(campaign),
    });
    tokens.push(token);
    return token;
  }
}
