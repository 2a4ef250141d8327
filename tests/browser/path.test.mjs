// The path of the media is cut, on a machine with nothing but `lo`. The stories run in there.

import { test } from 'node:test';
import { runInNamespaces } from './namespaces.mjs';

test('the path of the media is cut', { timeout: 180_000 }, (context) => runInNamespaces(context, 'path.stories.mjs'));
