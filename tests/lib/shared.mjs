// The shared test data, which lives beside the repository and not in it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { repository } from './processes.mjs';

// The path of one of its files, or null where it is not there: the test then says that it skipped.
export function sharedTestData(name) {
  const folder = process.env.MASTHEAD_SHARED ?? path.join(repository, '..', 'shared');
  const file = path.join(folder, name);
  return existsSync(file) ? file : null;
}
