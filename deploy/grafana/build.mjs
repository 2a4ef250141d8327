// Writes dashboards/*.json, or with --check says whether they are what this writes.

import { readFile, writeFile } from 'node:fs/promises';
import { cluster } from './src/cluster.mjs';
import { failures } from './src/failures.mjs';
import { load } from './src/load.mjs';
import { loadtest } from './src/loadtest.mjs';
import { overview } from './src/overview.mjs';
import { setup } from './src/setup.mjs';

const check = process.argv.includes('--check');
let stale = 0;
for (const [name, dashboard] of Object.entries({ overview, setup, failures, cluster, load, loadtest })) {
  const path = new URL(`dashboards/${name}.json`, import.meta.url);
  const json = `${JSON.stringify(dashboard, null, 2)}\n`;
  if (!check) {
    await writeFile(path, json);
  } else if ((await readFile(path, 'utf8').catch(() => '')) !== json) {
    console.error(`dashboards/${name}.json is out of date: npm run build`);
    stale += 1;
  }
}
process.exitCode = stale > 0 ? 1 : 0;
