// For load tests: what the virtual users of `ringback-loadtest run --metrics-listen` see.

import { dashboard, figure, lines } from './panels.mjs';

const rate = (name) => `sum(rate(ringback_loadtest_${name}_total[$__rate_interval]))`;
const byName = (name) => `sum by (name) (rate(ringback_loadtest_${name}_total[$__rate_interval]))`;
const sum = (name) => `sum(ringback_loadtest_${name}_total)`;

// What a worker tells are quantiles of all its times so far. Those of several can't be added up: the slowest worker's is drawn.
const quantiles = (title, of) => lines(title, 's', [[`max by (quantile) (ringback_loadtest_seconds{of="${of}"})`, '{{quantile}}']]);
const mean = (of) => `sum(rate(ringback_loadtest_seconds_sum{of="${of}"}[$__rate_interval])) / (sum(rate(ringback_loadtest_seconds_count{of="${of}"}[$__rate_interval])) > 0)`;
const means = (title, all) => lines(title, 's', all.map(([of, legend]) => [mean(of), legend]));

const NEVER = ['lost', 'doubled', 'out_of_order', 'altered', 'after_end', 'unanswered'];

export const loadtest = dashboard('ringback-loadtest', 'Ringback: virtual users', 'What the load tool sees: times at the clients, and whether anything is lost.', [
  ['Now', [
    figure('Virtual users connected', 'none', 'sum(ringback_loadtest_connections)'),
    figure('Calls a second', 'cps', 'sum(rate(ringback_loadtest_calls_total[1m]))'),
    figure('Calls that failed', 'none', sum('failed')),
    figure('Lost, doubled, altered, late', 'none', NEVER.map(sum).join(' + '), { about: 'What must never be.' }),
    figure('Set-up, p99 so far', 's', 'max(ringback_loadtest_seconds{of="setup",quantile="0.99"})'),
    figure('Its own lateness, p99 so far', 's', 'max(ringback_loadtest_seconds{of="lag",quantile="0.99"})', { about: 'Over 10 ms, the machine that tests is short of CPU, and all times speak of that.' }),
  ]],
  ['Calls', [
    lines('Calls a second', 'cps', [[rate('calls'), 'begun'], [rate('failed'), 'failed'], [rate('starved'), 'left out: no users were free']]),
    lines('How they went, a second', 'cps', [[byName('outcomes'), '{{name}}']]),
    lines('Why they failed, a second', 'cps', [[byName('failures'), '{{name}}']]),
  ]],
  ['How fast', [
    quantiles('Set-up, ring time aside, since the run began', 'setup'),
    means('Set-up by part, mean', [['setup_ring', 'ring'], ['setup_accept', 'accept'], ['setup_negotiate', 'offer and answer'], ['setup_trickle', 'candidates'], ['setup_connect', 'connected']]),
    means('Delivery from client to client, mean', [['delivery_init', 'call:init'], ['delivery_offer', 'webrtc:offer'], ['delivery_answer', 'webrtc:answer'], ['delivery_ice', 'webrtc:ice'], ['delivery_end', 'the end']]),
    quantiles('Delivery of a candidate, since the run began', 'delivery_ice'),
    means('Ack, mean', [['ack_init', 'call:init'], ['ack_accept', 'call:accept'], ['ack_offer', 'webrtc:offer'], ['ack_ice', 'webrtc:ice']]),
    means('Connecting, mean', [['upgrade', 'upgrade'], ['hello', 'hello'], ['reconnect', 'coming back']]),
  ]],
  ['What must never be', [
    lines('Messages, so far', 'none', NEVER.map((name) => [sum(name), name])),
    lines('Delivered, a second', 'cps', [[rate('delivered'), 'messages']]),
    lines('Sessions that came back without proof, so far', 'none', [[sum('unproved'), 'unproved']]),
  ]],
  ['Connections', [
    lines('Connected, by worker', 'none', [['ringback_loadtest_connections', '{{instance}}']]),
    lines('Cut and come back, a second', 'cps', [['cuts', 'cut on purpose'], ['dropped', 'ended by themselves'], ['resumed', 'resumed'], ['turned_away', 'turned away'], ['not_reached', 'not reached']].map(([name, legend]) => [rate(name), legend])),
    lines('Refused, and closed by gateways, a second', 'cps', [[byName('errors'), '{{name}}'], [byName('closes'), 'closed with {{name}}']]),
  ]],
]);
