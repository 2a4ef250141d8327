// The SDK as ES modules that a browser loads as they are: `import('/sdk/index.js')` in a page of a gateway.

import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../../clients/web/client/dist/', import.meta.url));

export const serveSdk = (page) =>
  page.route('**/sdk/**', (route) => {
    const path = new URL(route.request().url()).pathname.replace('/sdk/', DIST);
    return route.fulfill({ path, contentType: 'text/javascript' });
  });
