// For load tests: what a call costs.

import { dashboard, lines, percentiles } from './panels.mjs';

const CALLS = '(sum(rate(ringback_call_attempts_total[$__rate_interval])) > 0)';

export const load = dashboard('ringback-load', 'Ringback: load tests', 'What a call costs, and how fast it is, under load.', [
  ['The load', [
    lines('Calls a second', 'cps', [['sum(rate(ringback_call_attempts_total[$__rate_interval]))', 'placed'], ['sum(rate(ringback_call_setup_seconds_count[$__rate_interval]))', 'connected']]),
    lines('Requests a second', 'cps', [['sum by (type) (rate(ringback_requests_total[$__rate_interval]))', '{{type}}']]),
    lines('Events a second', 'cps', [['sum(rate(ringback_deliveries_total[$__rate_interval]))', 'delivered']]),
  ]],
  ['How fast', [
    percentiles('Set-up, ring time aside', 'ringback_call_setup_service_seconds'),
    percentiles('Delivery of an event', 'ringback_delivery_seconds'),
    percentiles('Commit', 'ringback_store_seconds', { where: '{operation="commit"}' }),
  ]],
  ['What it costs', [
    lines('CPU of the gateways for a call', 's', [[`sum(rate(process_cpu_seconds_total{job="ringback"}[$__rate_interval])) / ${CALLS}`, 'seconds a call']]),
    lines('Commits for a call', 'none', [[`sum(rate(ringback_commits_total[$__rate_interval])) / ${CALLS}`, 'commits a call']]),
    lines('Store operations for a call', 'none', [[`sum(rate(ringback_store_seconds_count[$__rate_interval])) / ${CALLS}`, 'operations a call']]),
    lines('Resident memory for a connection', 'bytes', [['sum(process_resident_memory_bytes{job="ringback"}) / (sum(ringback_connections) > 0)', 'bytes a connection']]),
    lines('Errors a second', 'cps', [['sum by (code) (rate(ringback_errors_total[$__rate_interval]))', '{{code}}']]),
    lines('Commits decided again', 'percentunit', [['sum(rate(ringback_commits_total{outcome="conflict"}[$__rate_interval])) / (sum(rate(ringback_commits_total[$__rate_interval])) > 0)', 'of all']]),
  ]],
]);
