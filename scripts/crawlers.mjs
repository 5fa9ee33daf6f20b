// Usage: node scripts/crawlers.mjs > crawlers.c
//
// Writes what the server knows of crawlers as C tables (adserver/decision/crawler_data.h), from two npm
// packages: the judge's patterns are isbot's list, the names are crawler-user-agents'. Both must be
// installed as package.json says; nothing of them is kept in the repository.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
const root = new URL('..', import.meta.url);

function refuse(what) {
  process.stderr.write(`scripts/crawlers.mjs: ${what}\n`);
  process.exit(1);
}

// A package that is missing, or not the one that package.json asks for, would make another judge.
function load(name) {
  const wanted = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).dependencies[name];
  const install = 'install it with scripts/setup build, or npm ci --ignore-scripts';
  let found;
  try {
    found = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, root), 'utf8')).version;
  } catch {
    refuse(`the npm package ${name} ${wanted} is not installed; ${install}`);
  }
  if (found !== wanted) refuse(`the npm package ${name} is ${found}, package.json says ${wanted}; ${install}`);
  return require(name);
}

// JavaScript takes a hyphen behind \d, \s or \w in a class for itself; PCRE wants it escaped.
const toPcre = (pattern) =>
  pattern.replace(/\[(?:\\.|[^\]\\])*\]/g, (set) => set.replace(/(\\[dswDSW])-(?!\])/g, '$1\\-'));

// A pattern that is nothing but text, as that text.
function literal(pattern) {
  const isText = /^(?:[^\\^$.*+?()[\]{}|]|\\[^a-zA-Z0-9])+$/.test(pattern);
  return isText ? pattern.replace(/\\(.)/g, '$1') : null;
}

// What people call it: the pattern without what makes it a pattern.
function nameOf(pattern) {
  const plain = pattern
    .replace(/\(\[\^[^\]]*\]\|\$\)|\(\^\| \)/g, '')
    .replace(/\[\\s\\S\]\*|\\s/g, ' ')
    .replace(/\\d[+*]?(?:\\\.\\d[+*]?)*/g, '')
    .replace(/\(([^|)]*)[^)]*\)/g, '$1')
    .replace(/\|.*/, '')
    .replace(/\[(.)[^\]]*\]/g, '$1')
    .replace(/^\^|\$$/g, '')
    .replace(/\\(.)/g, '$1')
    .replace(/[^A-Za-z0-9 ._!+-]+/g, ' ')
    .replace(/ +/g, ' ')
    .trim();
  return plain.slice(0, 64) || refuse(`${pattern}: no name can be made of it`);
}

// As a C string; \x would run into the hexadecimal digits behind it.
const quote = (text) =>
  `"${[...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (char === '"' || char === '\\' || char === '?') return `\\${char}`;
      return byte >= 0x20 && byte < 0x7f ? char : `\\${byte.toString(8).padStart(3, '0')}`;
    })
    .join('')}"`;

function check(pattern, flags) {
  try {
    return new RegExp(pattern, flags) && pattern;
  } catch (error) {
    return refuse(`${pattern}: ${error.message}`);
  }
}

const { list } = load('isbot');
const crawlers = load('crawler-user-agents');

const patterns = list.map((pattern) => `    ${quote(toPcre(check(pattern, 'i')))},\n`);
// What lies on either side of a bar is two crawlers of one owner.
const apart = (pattern) => (pattern.includes('(') ? [pattern] : pattern.split('|'));
const rows = crawlers.flatMap(({ pattern, tags }) => apart(pattern).map((one) => ({ pattern: one, tags })));
const names = rows.map(({ pattern, tags = [] }) => {
  const text = literal(check(pattern));
  const isText = text !== null && Buffer.byteLength(text) >= 3;
  const library = tags.includes('http-library');
  return `    {${quote(nameOf(pattern))}, ${quote(isText ? text : toPcre(pattern))}, ${isText}, ${library}},\n`;
});
process.stdout.write(`/* Written by scripts/crawlers.mjs. */
#include "decision/crawler_data.h"

const char *const crawler_patterns[] = {
${patterns.join('')}};
const size_t crawler_pattern_count = ${patterns.length};

const struct crawler_name crawler_names[] = {
${names.join('')}};
const size_t crawler_name_count = ${names.length};
`);
