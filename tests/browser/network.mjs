// A network of two hosts with a router between them, made of network namespaces. It is made and changed from the router.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
const nft = (...words) => execFileSync('nft', [words.join(' ')]);

class Host {
  /** The router's address on the wire to this host. */
  gateway;
  #namespace;
  #net;
  #address;

  constructor(namespace, number) {
    this.#namespace = namespace;
    this.#net = `10.99.${number}`;
    this.gateway = `${this.#net}.1`;
    const wire = `host${number}`;
    ip('link', 'add', wire, 'type', 'veth', 'peer', 'name', 'wire', 'netns', namespace);
    ip('address', 'add', `${this.gateway}/24`, 'dev', wire);
    ip('link', 'set', wire, 'up');
    this.#in('link', 'set', 'wire', 'up');
    this.#takes(2);
  }

  get namespace() {
    return this.#namespace;
  }

  /** Another address in the place of the present one, which nobody answers to any more. */
  roams() {
    this.#in('address', 'flush', 'dev', 'wire');
    this.#takes(Number(this.#address) + 1);
  }

  #takes(address) {
    this.#address = address;
    this.#in('address', 'add', `${this.#net}.${address}/24`, 'dev', 'wire');
    this.#in('route', 'add', 'default', 'via', this.gateway);
  }

  #in(...words) {
    ip('-n', this.#namespace, ...words);
  }
}

export function makeNetwork(namespaces) {
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  return {
    hosts: namespaces.map((namespace, index) => new Host(namespace, index + 1)),
    /** No UDP passes the router any more, until `mend`. */
    cut() {
      nft('add table ip cut');
      nft('add chain ip cut between { type filter hook forward priority 0 ; }');
      nft('add rule ip cut between meta l4proto udp drop');
    },
    mend() {
      nft('delete table ip cut');
    },
  };
}
