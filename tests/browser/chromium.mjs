// Chromium with a microphone and a camera that need no devices, and with nothing that asks anybody on the network.

import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const CHROMIUM = process.env.RINGBACK_CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

export const launchChromium = (flags = [], executablePath = CHROMIUM) =>
  chromium.launch({ executablePath, args: [...FLAGS, ...flags] });

/** In a network namespace: by a script in `folder`, as Playwright starts a program by its path alone. */
export async function launchChromiumIn(namespace, folder, flags) {
  const path = join(folder, `chromium-in-${namespace}`);
  await writeFile(path, `#!/bin/sh\nexec ip netns exec ${namespace} ${CHROMIUM} "$@"\n`);
  await chmod(path, 0o755);
  return launchChromium(flags, path);
}
