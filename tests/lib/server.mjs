// The real adserver and adctl, each server on free ports with a state folder of its own.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { request } from './http.mjs';
import { Child, freePort, removeDir, repository, run, tempDir, until, whenDone } from './processes.mjs';

// Where the programs are: MASTHEAD_BINARIES, or build/.
export const binaries = path.resolve(repository, process.env.MASTHEAD_BINARIES ?? 'build');

// A sanitizer's finding ends the process with a code of its own, so that no test takes it for success.
// Memory from malloc() is filled whole, so that what is read before it was written is wrong each time
// and not once in a while.
const sanitizers = {
  ASAN_OPTIONS:
    process.env.ASAN_OPTIONS ??
    'exitcode=99:detect_stack_use_after_return=1:max_malloc_fill_size=16777216:malloc_fill_byte=190',
  UBSAN_OPTIONS: process.env.UBSAN_OPTIONS ?? 'print_stacktrace=1:exitcode=99',
};
const finding = /(?:Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:/;
const errorLine = /(?:^|\s)level=error\b|"level":"error"/;
const deathLine = /workers: a worker (?:was killed|ended)/;

function program(name) {
  const file = path.join(binaries, name);
  if (!existsSync(file)) throw new Error(`${file} is missing; build it with make`);
  return file;
}

// Starts adserver and waits until it is ready.
//
//   t            a test's context: the server stops when that test ends, with all that stop() asserts
//   redis        from startRedis(); without it redis.url names a port where nothing listens
//   options      { 'server.workers': 2, … }, written into its configuration file
//   env, args    for its environment and command line
//   ready        'ready': /readyz says 200, and every worker has its Redis and its catalog (with a Redis,
//                the default); 'alive': /healthz says 200
//   allowErrors  true: error lines in the log are expected. A pattern: lines that match it are
//   allowDeaths  a pattern: workers may die of what it matches. Otherwise one that does fails the test,
//                whatever `allowErrors` says
export async function startServer(settings = {}) {
  const server = new Server(settings);
  whenDone(settings.t, () => server.stop());
  await server.start();
  return server;
}

class Server {
  constructor({ redis, options = {}, env = {}, args = [], ready, allowErrors = false, allowDeaths }) {
    this.redis = redis;
    this.given = options;
    this.env = env;
    this.args = args;
    this.ready = ready ?? (redis ? 'ready' : 'alive');
    this.allowErrors = allowErrors;
    this.allowDeaths = allowDeaths;
    this.dir = tempDir('server');
    this.config = path.join(this.dir, 'adserver.conf');
  }

  async start() {
    this.port ??= await freePort();
    this.adminPort ??= await freePort();
    this.base = `http://127.0.0.1:${this.port}`;
    this.admin = `http://127.0.0.1:${this.adminPort}`;
    this.options = {
      'server.listen': `127.0.0.1:${this.port}`,
      'server.admin_listen': `127.0.0.1:${this.adminPort}`,
      'server.public_url': this.base,
      'server.workers': 1,
      'server.state_dir': path.join(this.dir, 'state'),
      'redis.url': this.redis?.url ?? `redis://127.0.0.1:${await freePort()}/0`,
      ...this.given,
    };
    this.writeConfig();
    const args = ['-c', this.config, ...this.args];
    this.child = new Child(program('adserver'), args, { env: { ...sanitizers, ...this.env } });
    await this.untilAnswers(this.ready === 'ready' ? '/readyz' : '/healthz');
  }

  untilAnswers(where) {
    const check = async () => {
      if (!this.child.running) return true;
      const answer = await request(this.admin + where, { timeout: 2000 });
      if (answer.status === 200) return where === '/healthz' || this.allWorkersAreReady();
      throw new Error(`${where} says ${answer.status} ${answer.text.trim()}`);
    };
    return until(check, { timeout: 20000, what: 'adserver is up' }).then(
      () => assert.ok(this.child.running, `adserver ended as it started:\n${this.log()}`),
      (error) => {
        error.message += `\n${this.log()}`;
        throw error;
      },
    );
  }

  // The one that has said that it is ready says nothing of the others.
  async allWorkersAreReady() {
    const { workers } = await this.stats();
    const ready = workers.filter((one) => one.redis_connected && !/^0+$/.test(one.catalog_revision));
    return ready.length >= (Number(this.options['server.workers']) || 1);
  }

  writeConfig() {
    const sections = {};
    for (const [name, value] of Object.entries(this.options)) {
      const [section, key] = name.split('.');
      (sections[section] ??= []).push(`${key} = ${value}\n`);
    }
    const text = Object.entries(sections).map(([name, lines]) => `[${name}]\n${lines.join('')}`);
    writeFileSync(this.config, text.join('\n'));
  }

  // Changes options in the configuration file and asks the server to read it again.
  reconfigure(options) {
    Object.assign(this.options, options);
    this.writeConfig();
    this.signal('SIGHUP');
  }

  get pid() {
    return this.child.pid;
  }

  signal(name) {
    this.child.signal(name);
  }

  // What it wrote to standard error and output so far.
  log() {
    return this.child?.output() ?? '';
  }

  async stats() {
    const answer = await request(`${this.admin}/stats`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  }

  async metrics() {
    const answer = await request(`${this.admin}/metrics`);
    assert.equal(answer.status, 200, answer.text);
    return answer.text;
  }

  get(where, settings) {
    return request(this.base + where, settings);
  }

  // A decision: await server.ads({ slot: ['header', 'post-top'], uid: 'viewer-0001' }).
  async ads(query, settings) {
    const parameters = Object.entries(query).flatMap(([name, value]) =>
      [value].flat().map((one) => [name, one]),
    );
    const answer = await this.get(`/v1/ads?${new URLSearchParams(parameters)}`, settings);
    assert.equal(answer.status, 200, answer.text);
    return answer.json().ads;
  }

  adctl(args, settings) {
    return adctl(['-c', this.config, ...args], settings);
  }

  // Asks the server to end and holds it to the contract: exit code 0, no finding of a sanitizer, no
  // error line in the log unless the test allows it. Harmless when it was stopped before.
  async stop({ signal = 'SIGTERM', timeout = 20000 } = {}) {
    if (!this.child) return removeDir(this.dir);
    const { child } = this;
    this.child = null;
    this.lastLog = '';
    try {
      const status = await child.end(signal, timeout);
      this.lastLog = child.output();
      this.checkLog();
      assert.deepEqual(status, { code: 0, signal: null }, `adserver's end; log:\n${this.lastLog}`);
    } catch (error) {
      // Where the test has failed already, its own failure is the only one that is told.
      console.error(`${error.message}\n${this.lastLog || child.output()}`);
      throw error;
    } finally {
      removeDir(this.dir);
    }
  }

  checkLog() {
    const lines = this.lastLog.split('\n');
    assert.ok(!finding.test(this.lastLog), `a sanitizer spoke:\n${this.lastLog}`);
    const deaths = lines.filter((line) => deathLine.test(line) && !this.allowDeaths?.test(line));
    assert.equal(deaths.length, 0, `workers died:\n${deaths.join('\n')}`);
    if (this.allowErrors === true) return;
    const unexpected = lines.filter(
      (line) =>
        errorLine.test(line) && !deathLine.test(line) && !(this.allowErrors && this.allowErrors.test(line)),
    );
    assert.deepEqual(unexpected, [], 'error lines in the log');
  }

  // Ends it at once, workers included, and asserts nothing; for tests of crashes.
  async kill() {
    process.kill(-this.child.pid, 'SIGKILL');
    await this.child.exited;
  }
}

// Runs adctl to its end: { code, stdout, stderr }. `redis`, from startRedis(), is added as --redis.
export async function adctl(args, { redis, env, input, cwd } = {}) {
  const all = redis ? ['--redis', redis.url, ...args] : args;
  const result = await run(program('adctl'), all, { env: { ...sanitizers, ...env }, input, cwd });
  assert.ok(!finding.test(result.stderr), `a sanitizer spoke:\n${result.stderr}`);
  return result;
}
