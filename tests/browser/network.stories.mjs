// Run by network.test.mjs on a router: one browser on each of two hosts, one gateway on the router's end of each wire.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { launchChromiumIn } from './chromium.mjs';
import { makeNetwork } from './network.mjs';
import { startParts, until } from './parts.mjs';
import { Person } from './person.mjs';

const ALL = ['audioPackets', 'videoPackets', 'framesDecoded', 'audioEnergy'];
const [, ...HOSTS] = process.env.RINGBACK_NAMESPACES.split(' ');

describe('two hosts with a router between them', { timeout: 170_000 }, () => {
  let network;
  let parts;
  let browsers = [];
  let people = [];

  before(async () => {
    network = makeNetwork(HOSTS);
    const hosts = network.hosts.map(({ gateway }) => gateway);
    parts = await startParts({ hosts, settings: { RINGBACK_AUTH__DEV_ANYWHERE: 'true' }, launch: () => undefined });
    // Without TLS the page has a microphone only where it is said to be secure.
    const secure = parts.gateways.map(({ url }) => new URL(url).origin).join();
    for (const { namespace } of network.hosts) {
      browsers.push(await launchChromiumIn(namespace, parts.folder, [`--unsafely-treat-insecure-origin-as-secure=${secure}`]));
    }
  });

  afterEach(async () => {
    const errors = people.flatMap((person) => person.errors.map((error) => `${person.name}: ${error}`));
    for (const person of people) await person.leaves();
    people = [];
    assert.deepEqual(errors, []);
  });

  after(async () => {
    for (const browser of browsers) await browser.close();
    await parts?.stop();
  });

  /** Two people in a call, the caller on the left host. */
  const talking = async (...names) => {
    for (const [index, name] of names.entries()) {
      people.push(await Person.online({ ...parts, browser: browsers[index] }, index, name));
    }
    const [alice, bob] = people;
    await alice.calls(bob.name);
    await bob.clicks('answer');
    await flows();
    return people;
  };

  const flows = () => Promise.all(people.map((person) => person.receives(...ALL)));

  const areStillInTheirCall = async () => {
    for (const { heard, name } of people) {
      const calls = new Set(heard.flatMap(({ call }) => call ?? []));
      assert.equal(calls.size, 1, `${name} has one call`);
      assert.ok(!heard.some(({ type }) => type === 'call:ended'), `${name}'s call has not ended`);
    }
    await people[1].clicks('hangup');
    await Promise.all(people.map((person) => person.outcome('hangup')));
  };

  test('no UDP passes for a while: an ICE restart brings the media back, in the same call', async () => {
    const [alice, bob] = await talking('anna', 'bert');
    const before = await alice.generation();
    network.cut();
    try {
      await Promise.all([alice, bob].map((person) => person.sees('reconnecting', /Reconnecting/)));
      await until('ICE is restarted', async () => (await alice.generation()) !== before);
    } finally {
      network.mend();
    }
    await flows();
    await Promise.all([alice, bob].map((person) => person.misses('reconnecting')));
    await areStillInTheirCall();
  });

  test('one host has another address: back at the gateway first, then a new way for the media', async (context) => {
    const [alice, bob] = await talking('cleo', 'dirk');
    const [before, from] = [await alice.generation(), (await alice.path())[0].address];
    const began = Date.now();
    const took = (what) => context.diagnostic(`${what} after ${Date.now() - began} ms`);
    network.hosts[0].roams();
    await alice.hears({ type: 'ack', resumed: true }, 40_000);
    took('back at the gateway');
    await until('ICE is restarted', async () => (await alice.generation()) !== before);
    took('ICE restarted');
    await flows();
    took('media both ways');
    assert.notEqual((await alice.path())[0].address, from);
    await Promise.all([alice, bob].map((person) => person.misses('reconnecting')));
    await areStillInTheirCall();
  });
});
