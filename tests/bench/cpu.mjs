// Processor time of processes, from /proc: user and system, whole process trees where asked.
import { readFileSync } from 'node:fs';

const ticksPerSecond = 100; // USER_HZ, the unit of /proc/<pid>/stat on every Linux

function fields(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

// Microseconds that these processes have used since they began.
export function cpuMicroseconds(pids) {
  let ticks = 0;
  for (const pid of pids) {
    const stat = fields(pid);
    ticks += Number(stat[11]) + Number(stat[12]);
  }
  return (ticks * 1e6) / ticksPerSecond;
}

// The children of a process, such as the workers of a server.
export function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}
