// The operations page: what the gateway's own port says, drawn. It keeps nothing, and asks again every two seconds.

const EVERY_MS = 2_000;
const ANSWER_MS = 5_000;
const at = (id) => document.getElementById(id);

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function pair(list, term, value) {
  const both = document.createElement('div');
  both.append(element('dt', term), element('dd', value));
  list.append(both);
}

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_MS) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error ?? `${answer.status}`);
  return said;
}

/** Prometheus' text as a map from series to value. */
async function metrics() {
  const text = await (await fetch('metrics', { signal: AbortSignal.timeout(ANSWER_MS) })).text();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

let before;

async function figures() {
  const [now, when] = [await metrics(), performance.now()];
  const sum = (name) => [...now].filter(([series]) => series === name || series.startsWith(`${name}{`)).reduce((all, [, value]) => all + value, 0);
  // Where nothing is counted nothing is told.
  const grown = (name) => (before === undefined || !now.has(name) ? undefined : ((now.get(name) - before.now.get(name)) * 60_000) / (when - before.when));
  const list = at('figures');
  list.replaceChildren();
  pair(list, 'connections', `${sum('ringback_connections')}`);
  pair(list, 'live calls', `${sum('ringback_calls')}`);
  pair(list, 'calls placed a minute', grown('ringback_call_attempts_total')?.toFixed(1) ?? '…');
  pair(list, 'events a minute', grown('ringback_deliveries_total')?.toFixed(0) ?? '…');
  pair(list, 'gateways', `${sum('ringback_nodes')}`);
  pair(list, 'takes clients', sum('ringback_ready') === 1 ? 'yes' : 'no');
  before = { now, when };
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour12: false });
}

function person({ user, device }) {
  return device === null ? user : `${user} / ${device}`;
}

function callButton(call) {
  const button = element('button', call, { type: 'button', class: 'call' });
  button.addEventListener('click', () => show(call));
  return button;
}

async function live() {
  const { calls } = await ask('v1/calls');
  const rows = calls.map(({ call, state, caller, callee, created_at }) => {
    const row = document.createElement('tr');
    const first = document.createElement('td');
    first.append(callButton(call));
    row.append(first, ...[state, person(caller), person(callee), clock(created_at)].map((text) => element('td', text)));
    return row;
  });
  // Not while somebody is about to press one of them.
  if (!at('live').contains(document.activeElement)) at('live').replaceChildren(...rows);
  at('none').hidden = rows.length > 0;
}

/** What is looked up: a call's name begins with its partition. */
async function lookUp(what) {
  at('found').replaceChildren();
  at('story').hidden = true;
  if (/^p\d+-[0-9a-f]{32}$/.test(what)) return show(what);
  const { calls } = await ask(`v1/users/${encodeURIComponent(what)}/calls`);
  if (calls.length === 0) throw new Error('no calls of this user are kept');
  for (const { call, created_at, verdict } of calls) {
    const item = document.createElement('li');
    item.append(callButton(call), ` ${clock(created_at)}: ${verdict[0]}`);
    at('found').append(item);
  }
}

async function show(call) {
  await attempt(async () => {
    const story = await ask(`v1/calls/${encodeURIComponent(call)}/timeline`);
    at('what').value = call;
    at('verdict').textContent = story.verdict[0];
    at('clues').replaceChildren(...story.verdict.slice(1).map((clue) => element('li', clue)));
    at('phases').replaceChildren();
    for (const { phase, ms } of story.phases) pair(at('phases'), phase, `${(ms / 1_000).toFixed(2)} s`);
    draw(story);
    at('story').hidden = false;
  });
}

async function attempt(action) {
  at('trouble').textContent = '';
  try {
    await action();
  } catch (error) {
    at('trouble').textContent = error.message;
  }
}

const SVG = 'http://www.w3.org/2000/svg';
const [LEFT, MIDDLE, RIGHT, STEP] = [200, 480, 760, 30];

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A name with what is known beside it in a few words: `webrtc:ice host: 2`. */
function words(name, detail) {
  if (detail === null || detail === undefined) return name;
  if (typeof detail === 'string') return `${name} ${detail.replaceAll('_', ' ')}`;
  const parts = Object.entries(detail).filter(([, value]) => value !== 0 && value !== false);
  return `${name} ${parts.map(([key, value]) => (value === true ? key : `${key}: ${value}`)).join(', ')}`.trim();
}

/** When the last of the devices that are known to have been sent it had it. */
function arrival(delivered = []) {
  return delivered.length === 0 ? '' : ` · ${Math.max(...delivered.map(({ after_ms }) => after_ms))} ms`;
}

function arrow(from, to, y) {
  const tip = to > from ? to - 8 : to + 8;
  return [
    shape('line', { class: 'arrow', x1: from, y1: y, x2: tip, y2: y }),
    shape('polygon', { class: 'head', points: `${to},${y} ${tip},${y - 4} ${tip},${y + 4}` }),
  ];
}

/** Two lives and the gateways between them, as people who know SIP draw them. */
function draw({ caller, callee, created_at, steps }) {
  const ladder = at('ladder');
  const ends = { caller: LEFT, callee: RIGHT };
  const drawn = [];
  let y = 56;
  const line = (text, x, more = {}) => drawn.push(shape('text', { x, y: y - 6, 'text-anchor': 'middle', ...more }, text));
  for (const step of steps) {
    drawn.push(shape('text', { x: 8, y, class: 'soft' }, `+${((step.at - created_at) / 1_000).toFixed(3)} s`));
    drawn.push(shape('text', { x: 84, y, class: 'soft' }, step.node.split('.')[0]));
    const what = words(step.what, step.detail);
    if (step.by === null) {
      drawn.push(shape('circle', { class: 'mark', cx: MIDDLE, cy: y - 2, r: 4 }));
      drawn.push(shape('text', { x: MIDDLE + 12, y: y + 2 }, what));
    } else {
      const from = ends[step.by.side];
      drawn.push(...arrow(from, MIDDLE, y));
      line(what, (from + MIDDLE) / 2);
    }
    y += STEP;
    for (const told of step.told ?? []) {
      const to = ends[told.side];
      drawn.push(...arrow(MIDDLE, to, y));
      line(`${words(told.event, told.detail)} (${told.seq})${arrival(told.delivered)}`, (MIDDLE + to) / 2);
      y += STEP;
    }
  }
  const lives = [
    [LEFT, `caller: ${person(caller)}`],
    [MIDDLE, 'Ringback'],
    [RIGHT, `callee: ${person(callee)}`],
  ].flatMap(([x, name]) => [
    shape('line', { class: 'life', x1: x, y1: 26, x2: x, y2: y - 10 }),
    shape('text', { x, y: 16, 'text-anchor': 'middle', 'font-weight': 600 }, name),
  ]);
  ladder.replaceChildren(...lives, ...drawn);
  ladder.setAttribute('viewBox', `0 0 900 ${y}`);
  ladder.setAttribute('width', '900');
  ladder.setAttribute('height', `${y}`);
}

at('search').addEventListener('submit', (event) => {
  event.preventDefault();
  void attempt(() => lookUp(at('what').value.trim()));
});

const { node } = await ask('healthz');
at('node').textContent = node;
let silent = false;
for (;;) {
  try {
    await Promise.all([figures(), live()]);
    if (silent) at('trouble').textContent = '';
    silent = false;
  } catch (error) {
    silent = true;
    at('trouble').textContent = `the gateway does not answer: ${error.message}`;
  }
  await new Promise((wake) => setTimeout(wake, EVERY_MS));
}
