// Writes files in MaxMind's DB format (its public specification, version 2.0): small ones for tests.
//
//   writeDatabase({ '192.0.2.0/24': { country: { iso_code: 'DE' } } }, { type: 'Test-City' })
//
// Values are objects, arrays, strings, booleans, whole numbers (uint32) and other numbers (double).
// A network within another one takes its part of it, in whatever order they stand.
import assert from 'node:assert/strict';

const RECORD_BITS = 24;
const SEPARATOR = 16; // zero bytes between the tree and the data
const MARKER = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex');

// ---- Data ----------------------------------------------------------------------------------------

const types = { string: 2, double: 3, uint16: 5, uint32: 6, map: 7, uint64: 9, array: 11, boolean: 14 };

function control(type, size) {
  assert.ok(size < 29 + 256, 'small values only');
  const short = Math.min(size, 29);
  const head = types[type] < 8 ? [(types[type] << 5) | short] : [short, types[type] - 7];
  return Buffer.from(size < 29 ? head : [...head, size - 29]);
}

function unsigned(type, value) {
  const hex = value.toString(16);
  const bytes = value === 0 ? Buffer.alloc(0) : Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([control(type, bytes.length), bytes]);
}

function double(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return Buffer.concat([control('double', 8), bytes]);
}

export function encode(value) {
  if (typeof value === 'string') return Buffer.concat([control('string', Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'boolean') return control('boolean', Number(value));
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? unsigned('uint32', value) : double(value);
  if (Array.isArray(value)) return Buffer.concat([control('array', value.length), ...value.map(encode)]);
  if (value.uint16 !== undefined) return unsigned('uint16', value.uint16);
  if (value.uint64 !== undefined) return unsigned('uint64', value.uint64);
  const pairs = Object.entries(value);
  return Buffer.concat([control('map', pairs.length), ...pairs.flatMap(([name, item]) => [encode(name), encode(item)])]);
}

// ---- Addresses -----------------------------------------------------------------------------------

const bitsOf = (numbers, width) => numbers.map((number) => number.toString(2).padStart(width, '0')).join('');

function addressBits(text) {
  if (!text.includes(':')) return bitsOf(text.split('.').map(Number), 8);
  const [left, right] = text.split('::').map((part) => (part ? part.split(':') : []));
  const groups = right ? [...left, ...Array(8 - left.length - right.length).fill('0'), ...right] : left;
  return bitsOf(groups.map((group) => Number.parseInt(group, 16)), 16);
}

// IPv4 addresses have their place at ::/96 of an IPv6 tree.
function networkBits(network, version) {
  const [address, prefix] = network.split('/');
  const bits = addressBits(address).slice(0, Number(prefix));
  return version === 6 && !address.includes(':') ? '0'.repeat(96) + bits : bits;
}

// ---- The tree: a node is a pair, a leaf the offset of its data, null nothing --------------------

function insert(node, bits, offset) {
  const side = Number(bits[0]);
  if (bits.length === 1) node[side] = offset;
  else {
    if (!Array.isArray(node[side])) node[side] = [node[side], node[side]];
    insert(node[side], bits.slice(1), offset);
  }
}

function numbered(root) {
  const nodes = [root];
  for (const node of nodes) nodes.push(...node.filter(Array.isArray)); // grows as it goes
  return nodes;
}

function encodeTree(root) {
  const nodes = numbered(root);
  const numbers = new Map(nodes.map((node, number) => [node, number]));
  const bytes = Buffer.alloc((nodes.length * RECORD_BITS * 2) / 8);
  const record = (side) => {
    if (Array.isArray(side)) return numbers.get(side);
    return side === null ? nodes.length : nodes.length + SEPARATOR + side;
  };
  nodes.forEach((node, number) => node.forEach((side, i) => bytes.writeUIntBE(record(side), number * 6 + i * 3, 3)));
  return { bytes, count: nodes.length };
}

// ---- The file ------------------------------------------------------------------------------------

const metadata = (nodeCount, { type, version }) => ({
  node_count: nodeCount,
  record_size: { uint16: RECORD_BITS },
  ip_version: { uint16: version },
  database_type: type,
  languages: ['en'],
  binary_format_major_version: { uint16: 2 },
  binary_format_minor_version: { uint16: 0 },
  build_epoch: { uint64: 1767225600 },
  description: { en: 'Made by the tests' },
});

export function writeDatabase(networks, { type, version = 6 }) {
  const root = [null, null];
  const data = [];
  let size = 0;
  const widestFirst = Object.entries(networks).sort(([a], [b]) => networkBits(a, version).length - networkBits(b, version).length);
  for (const [network, value] of widestFirst) {
    insert(root, networkBits(network, version), size);
    data.push(encode(value));
    size += data.at(-1).length;
  }
  const { bytes, count } = encodeTree(root);
  return Buffer.concat([bytes, Buffer.alloc(SEPARATOR), ...data, MARKER, encode(metadata(count, { type, version }))]);
}
