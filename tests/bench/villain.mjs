// make villain: how often you like, seed after seed, and a table of what came of it.
//
//   SEEDS=100 EVENTS=100000   how many seeds, and events each
//   FIRST=1                   the first seed
//   RATE=5000                 events a second, at most
//   FAULTS=30                 in each run, about
//   SLOWEST=12000             the longest that Redis is stopped, ms
//   POWER=1                   Redis loses what it wrote last, and no process of ours dies
//   SPARED=1                  no server ends as a whole, so /stats must agree in every seed, not the even ones only
//   TABLE=FILE                a line of JSON for each seed is added to it
import { appendFileSync } from 'node:fs';
import { runVillain } from '../lib/villain.mjs';

const number = (name, usual) => Number(process.env[name] ?? usual);
const seeds = number('SEEDS', 100);
const first = number('FIRST', 1);
const settings = { events: number('EVENTS', 100000), rate: number('RATE', 5000), faults: number('FAULTS', 30), slowest: number('SLOWEST', 12000), power: number('POWER', 0) > 0 };

let failed = 0;
for (let seed = first; seed < first + seeds; seed++) {
  let line;
  try {
    const spared = seed % 2 === 0 || number('SPARED', 0) > 0;
    const result = await runVillain({ seed, spared, ...settings });
    const { acknowledged, unknown, lost, double, wrong, faults, diary, leftOut, stats, restarted, seconds } = result;
    const isWrong = lost + double + wrong.length > 0;
    if (seed === first && leftOut.length) console.log(`left out on this machine: ${leftOut.join(', ')}`);
    const struck = Object.values(faults).reduce((a, b) => a + b, 0);
    line = `seed ${seed}: ${acknowledged} acknowledged, ${unknown} not, ${struck} faults, ${lost} lost, ${double} double, ${wrong.length} wrong, ${seconds.toFixed(0)} s`;
    console.log(line);
    console.log(`  /stats beside Redis, ${restarted} servers begun again: ${JSON.stringify(stats)}`);
    if (process.env.TABLE) appendFileSync(process.env.TABLE, `${JSON.stringify({ seed, spared, ...settings, acknowledged, unknown, lost, double, wrong: wrong.length, restarted, stats, faults, seconds })}\n`);
    if (isWrong) console.log([...wrong.slice(0, 20), ...diary].map((one) => `  ${one}`).join('\n'));
    failed += isWrong;
  } catch (error) {
    failed++;
    console.log(`seed ${seed}: ${error.stack}`);
    if (process.env.TABLE) appendFileSync(process.env.TABLE, `${JSON.stringify({ seed, ...settings, error: error.message.slice(0, 300) })}\n`);
  }
}
process.exit(failed ? 1 : 0);
