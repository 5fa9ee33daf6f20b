// Tokens as the server signs them (adserver/serve/token.h), made from a key ring file.
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

// The newest key of a ring: { id, secret }.
export function newestKey(file) {
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => /^[0-9a-f]{8} /.test(line));
  const keys = lines.map((line) => line.split(' '));
  const [id, , secret] = keys.sort((a, b) => a[1] - b[1]).pop();
  return { id: Buffer.from(id, 'hex'), secret: Buffer.from(secret, 'base64url') };
}

// Impression numbers as a server gives them (adserver/store/impression.h): 14 bytes of a block, 2 of
// the place in it, from 1 on.
const blockSize = 8192;
const blocks = new Map();
export function nextImpression(campaign = '') {
  let block = blocks.get(campaign);
  if (!block || block.used === blockSize) blocks.set(campaign, (block = { name: randomBytes(14), used: 0 }));
  const place = Buffer.alloc(2);
  place.writeUInt16BE(++block.used);
  return Buffer.concat([block.name, place]);
}

const short = (text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);

function seal(key, version, body) {
  const signed = Buffer.concat([Buffer.from([version]), key.id, ...body]);
  const mac = createHmac('sha256', key.secret).update(signed).digest().subarray(0, 16);
  return Buffer.concat([signed, mac]).toString('base64url');
}

function impressionParts({ campaign, creative, slot, issued = Date.now(), impression }) {
  const time = Buffer.alloc(6);
  time.writeUIntBE(issued, 0, 6);
  return [time, impression ?? nextImpression(campaign), short(campaign), short(creative), short(slot)];
}

// { campaign, creative, slot, landing, issued: milliseconds, impression: 16 bytes,
//   converts: conversions may follow its click }
export function signToken(key, { landing = '', converts = false, ...ad }) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(landing.length);
  return seal(key, converts ? 4 : 1, [...impressionParts(ad), length, Buffer.from(landing)]);
}

// What {click_id} becomes in that ad; it needs the token's issued and impression.
export const signClickId = (key, ad) => seal(key, 3, impressionParts(ad));
