// Whether people can use what is on a page: by the rules of axe, and by where things are.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds that keeps somebody from using the page: one line for each. */
export async function barriers(page) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`) }));
  });
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id} ${nodes.join('; ')}`);
}

/** What can't be pressed because it is cut off or covered, and words that don't fit: one line for each. */
export function misfits(page) {
  return page.evaluate(() => {
    const faults = [];
    const root = document.querySelector('dialog[open]') ?? document;
    const shown = (element) => element.checkVisibility({ visibilityProperty: true });
    for (const element of root.querySelectorAll('button, select, input, a')) {
      if (!shown(element)) continue;
      const { left, top, right, bottom, width, height } = element.getBoundingClientRect();
      const name = element.dataset.testid ?? element.textContent;
      if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) faults.push(`${name} is cut off`);
      // A link among words is as high as they are.
      if ((width < 24 || height < 24) && !element.matches('p a')) faults.push(`${name} is too small to be pressed`);
      for (const [x, y] of [[left + 6, top + 6], [right - 6, bottom - 6], [(left + right) / 2, (top + bottom) / 2]]) {
        const hit = document.elementFromPoint(x, y);
        if (hit !== null && !element.contains(hit) && !hit.contains(element)) faults.push(`${name} is below ${hit.className}`);
      }
      if (element.scrollWidth > element.clientWidth + 1 && element.tagName === 'BUTTON') faults.push(`the words of ${name} don't fit`);
    }
    if (document.documentElement.scrollWidth > innerWidth) faults.push('the page is wider than the window');
    return faults;
  });
}
