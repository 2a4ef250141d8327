// What a call may leave behind in a page, counted.

/** Where listeners live for longer than a call. */
const LASTING = ['window', 'document', 'navigator.mediaDevices', 'navigator.connection'];

/** Put into a page before it is loaded: keeps the peer connections and the tracks that are made. */
export const keepMade = () => {
  const made = { connections: [], tracks: [] };
  window.__made = made;
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(...parameters) {
      super(...parameters);
      made.connections.push(this);
    }
  };
  const devices = navigator.mediaDevices;
  const get = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    const stream = await get(constraints);
    made.tracks.push(...stream.getTracks());
    return stream;
  };
};

/** How many peer connections there have been. */
export const connections = (page) => page.evaluate(() => window.__made.connections.length);

/** What holds something now. */
export async function inUse(page) {
  const counts = await page.evaluate(async () => {
    const { held, pending } = await navigator.locks.query();
    return {
      open: window.__made.connections.filter(({ connectionState }) => connectionState !== 'closed').length,
      live: window.__made.tracks.filter(({ readyState }) => readyState === 'live').length,
      locks: [...held, ...pending].map(({ name }) => name).sort(),
    };
  });
  return { ...counts, listeners: await listeners(page) };
}

/** By the browser's own account, as its developer tools show it. */
async function listeners(page) {
  const session = await page.context().newCDPSession(page);
  const counts = {};
  for (const expression of LASTING) {
    const { result } = await session.send('Runtime.evaluate', { expression });
    const { listeners } = await session.send('DOMDebugger.getEventListeners', { objectId: result.objectId });
    counts[expression] = listeners.length;
  }
  await session.detach();
  return counts;
}
