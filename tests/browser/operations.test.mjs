// The operations page on the admin port: a live call, and the ladder of one that came to nothing.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { barriers } from './fit.mjs';
import { startParts, until } from './parts.mjs';
import { Person } from './person.mjs';

describe('the operations page', { timeout: 120_000 }, () => {
  let parts;
  let operator;

  before(async () => {
    parts = await startParts();
    const context = await parts.browser.newContext({ viewport: { width: 1280, height: 800 } });
    operator = await Person.at(context, parts.gateways[0].admin, 'operator');
  });

  after(() => parts?.stop());

  const sees = (where, wanted) =>
    until(`the operator sees ${wanted} in ${where}`, async () => wanted.test((await operator.page.locator(where).textContent()) ?? ''));

  const looks = (state) =>
    operator.poses(`operations-${state}`, {
      schemes: ['light', 'dark'],
      look: async (name) => assert.deepEqual(await barriers(operator.page), [], `${name}: what axe finds`),
    });

  test('lists a call while it lives, and tells what happened to one that came to nothing', async () => {
    await sees('#figures', /takes clientsyes/);
    const alice = await Person.online(parts, 0, 'alice');
    const bob = await Person.online(parts, 1, 'bob');
    await alice.calls('bob');
    await bob.clicks('answer');
    await alice.receives('videoPackets');
    await sees('#live', /connectedalice \/ .*bob \/ /);
    await looks('live');
    await alice.clicks('hangup');
    await until('the list is empty', () => operator.page.locator('#none').isVisible());

    await alice.calls('bob');
    await bob.clicks('decline');
    await alice.sees('over', /bob declined/);
    await operator.page.fill('#what', 'alice');
    await operator.page.click('#search button');
    await sees('#found', /the callee said no/);
    await sees('#found', /the two talked for \d+\.\d s, and the caller hung up/);
    await operator.page.locator('#found li', { hasText: 'said no' }).locator('button').click();
    await sees('#verdict', /^the callee said no$/);
    await sees('#phases', /policy0\.\d+ sring\d+\.\d+ s/);
    for (const step of ['call:init', 'admitted devices: 1', 'call:incoming (1)', 'call:ringing', 'call:ringing (1)', 'call:reject rejected', 'call:ended rejected (2)']) {
      await sees('#ladder', new RegExp(step.replace(/[()]/g, '\\$&')));
    }
    await looks('declined');
    await operator.page.fill('#what', `p1-${'0'.repeat(32)}`);
    await operator.page.click('#search button');
    await sees('#trouble', /no such call/);
    assert.deepEqual(operator.errors, []);
  });
});
