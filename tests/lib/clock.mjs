// Wall clocks for processes of a test: tests/lib/shifted_clock.c, which stands between them and the machine's.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { removeDir, repository, tempDir } from './processes.mjs';
import { instrumented } from './traffic.mjs';

const wordBytes = 8;
const tableWords = 5;
const nanoseconds = (seconds) => BigInt(Math.round(seconds * 1e9));
const now = () => BigInt(Date.now()) * 1000000n;

// A clock that can be moved for the processes that get its `env`; null where there is none.
//   move(seconds)            it is so much ahead of the machine's, and runs as that does
//   smear(secondsADay)       from now on it gains so much, evenly
//   leap(seconds, { after })  it steps by `seconds`, so many seconds from now: at -1 it repeats one, at 1 it
//                            leaves one out
export function makeClock() {
  const folder = tempDir('clock');
  const library = path.join(folder, 'shifted_clock.so');
  const file = path.join(folder, 'shift');
  const source = path.join(repository, 'tests/lib/shifted_clock.c');
  const done = spawnSync(process.env.CC ?? 'cc', ['-shared', '-fPIC', '-O1', '-D_GNU_SOURCE', '-o', library, source]);
  if (done.status !== 0 || instrumented) {
    removeDir(folder);
    return null;
  }
  writeFileSync(file, Buffer.alloc(wordBytes * (1 + 2 * tableWords)));
  const fd = openSync(file, 'r+');
  let which = 0;
  let shown = { shift: 0n, since: 0n, gain: 0n, at: 0n, step: 0n };
  const words = (values, at) => {
    const bytes = Buffer.alloc(wordBytes * values.length);
    values.forEach((value, i) => bytes.writeBigInt64LE(value, wordBytes * i));
    writeSync(fd, bytes, 0, bytes.length, wordBytes * at);
  };
  const show = (change) => {
    shown = { ...shown, ...change };
    which = 1 - which;
    words([shown.shift, shown.since, shown.gain, shown.at, shown.step], 1 + which * tableWords);
    words([BigInt(which)], 0);
  };
  return {
    move: (seconds) => show({ shift: nanoseconds(seconds), gain: 0n, step: 0n }),
    smear: (secondsADay) => show({ since: now(), gain: nanoseconds(secondsADay / 86400) }),
    leap: (seconds, { after = 0 } = {}) => show({ at: now() + nanoseconds(after), step: nanoseconds(seconds) }),
    env: { LD_PRELOAD: library, SHIFTED_CLOCK: file },
    release() {
      closeSync(fd);
      removeDir(folder);
    },
  };
}
