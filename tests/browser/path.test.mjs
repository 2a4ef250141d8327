// The path of the media is cut, in a network of its own (a namespace with nothing but `lo`): nothing else on the machine
// notices. The stories are in path.stories.mjs, which runs in there.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const STORIES = fileURLToPath(new URL('path.stories.mjs', import.meta.url));
const run = (program, ...args) => spawnSync(program, args, { encoding: 'utf8', timeout: 170_000 });

test('the path of the media is cut', { timeout: 180_000 }, (context) => {
  const name = `ringback-${process.pid}`;
  if (run('ip', 'netns', 'add', name).status !== 0 || run('nft', '--version').status !== 0) {
    return context.skip('needs root, ip and nft');
  }
  try {
    assert.equal(run('ip', '-n', name, 'link', 'set', 'lo', 'up').status, 0);
    const env = ['-u', 'NODE_TEST_CONTEXT'];
    const { status, stdout, stderr } = run('ip', 'netns', 'exec', name, 'env', ...env, process.execPath, '--test', STORIES);
    assert.equal(status, 0, `${stdout}\n${stderr}`);
  } finally {
    run('ip', 'netns', 'del', name);
  }
});
