// Two hosts and a router between them, on which the gateways are. The stories run on the router.

import { test } from 'node:test';
import { runInNamespaces } from './namespaces.mjs';

test('a network between two hosts', { timeout: 180_000 }, (context) =>
  runInNamespaces(context, 'network.stories.mjs', ['router', 'left', 'right']),
);
