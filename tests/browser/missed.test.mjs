// Who was away is told of missed calls by the page, once; and the page goes on with what the gateway keeps.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startParts, until } from './parts.mjs';
import { Person } from './person.mjs';

describe('calls while somebody was away', { timeout: 180_000 }, () => {
  let parts;
  let people = [];

  const online = async (gateway, name, options) => {
    const person = await Person.online(parts, gateway, name, options);
    people.push(person);
    return person;
  };

  /** What the list of calls says, the newest first. */
  const listed = (person) => person.page.locator('.entry .how [data-reason]').allTextContents();
  const lists = (person, ...texts) =>
    until(`${person.name} lists ${texts.join(', ')}`, async () => {
      const all = await listed(person);
      return all.length === texts.length && texts.every((text, n) => all[n].startsWith(text));
    });

  before(async () => {
    parts = await startParts();
  });

  afterEach(async (context) => {
    const errors = people.flatMap((person) => person.errors.map((error) => `${person.name}: ${error}`));
    for (const person of people) await person.leaves();
    people = [];
    assert.deepEqual(errors, [], `errors on a page in "${context.name}"`);
  });

  after(async () => {
    for (const gateway of parts?.gateways ?? []) assert.doesNotMatch(gateway.log(), /panicked/, `${gateway.name} panicked`);
    await parts?.stop();
  });

  test('are told at sign-in, once', async () => {
    const alice = await online(0, 'alice');
    await alice.calls('bob');
    await alice.outcome('offline');
    const bob = await online(1, 'bob');
    await lists(bob, 'Missed call');
    await bob.hears({ type: 'missed' });
    await until('bob has confirmed it', () => bob.said.some(({ type, missed }) => type === 'seen' && missed > 0));
    await bob.reloads();
    await bob.sees('status', /^online( ·|$)/i);
    await lists(bob, 'Missed call');
    // Somewhere else bob is told too.
    const elsewhere = await online(0, 'bob');
    await lists(elsewhere, 'Missed call');
  });

  test('are in the log, with all others', async () => {
    const carol = await online(0, 'carol');
    await carol.calls('dave');
    await carol.outcome('offline');
    const dave = await online(1, 'dave');
    await carol.calls('dave', 'audio');
    await dave.clicks('answer');
    await Promise.all([carol.sees('incall'), dave.sees('incall')]);
    await dave.clicks('hangup');
    await Promise.all([carol.outcome('hangup'), dave.outcome('hangup')]);
    // Another browser of dave's was told of the missed call alone, and asks for the rest.
    const laptop = await online(0, 'dave');
    await lists(laptop, 'Missed call');
    await laptop.clicks('earlier');
    await lists(laptop, 'Incoming', 'Missed call');
    await laptop.misses('earlier');
  });
});
