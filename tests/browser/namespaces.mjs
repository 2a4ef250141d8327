// Stories that break a network, in network namespaces of their own: nothing else on the machine notices.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const run = (program, ...args) => spawnSync(program, args, { encoding: 'utf8', timeout: 170_000 });

/**
 * Runs a file of tests in the namespace of `names[0]`, with the loopback up and the namespaces of all names told by
 * RINGBACK_NAMESPACES. The namespaces go when it is over, whatever came of it, and with them what is in them.
 */
export function runInNamespaces(context, file, names = ['lo']) {
  const namespaces = names.map((name) => `ringback-${process.pid}-${name}`);
  const has = (program, argument) => run(program, argument).status === 0;
  if (process.getuid?.() !== 0 || !has('ip', '-V') || !has('nft', '--version')) return context.skip('needs root, ip and nft');
  try {
    for (const namespace of namespaces) {
      if (run('ip', 'netns', 'add', namespace).status !== 0) return context.skip('no network namespaces here');
      assert.equal(run('ip', '-n', namespace, 'link', 'set', 'lo', 'up').status, 0);
    }
    const env = ['-u', 'NODE_TEST_CONTEXT', `RINGBACK_NAMESPACES=${namespaces.join(' ')}`];
    const stories = fileURLToPath(new URL(file, import.meta.url));
    const node = [process.execPath, '--test', '--test-reporter=tap', stories];
    const { status, stdout, stderr } = run('ip', 'netns', 'exec', namespaces[0], 'env', ...env, ...node);
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    for (const [, told] of stdout.matchAll(/^ +# (?!Subtest)(.*)/gm)) context.diagnostic(told);
  } finally {
    for (const namespace of namespaces) {
      // None, unless the stories did not come to their end.
      for (const pid of run('ip', 'netns', 'pids', namespace).stdout.split('\n').filter(Boolean)) run('kill', '-KILL', pid);
      run('ip', 'netns', 'del', namespace);
    }
  }
}
