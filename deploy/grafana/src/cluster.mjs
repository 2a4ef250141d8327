// Gateways and the store.

import { dashboard, figure, lines, percentiles } from './panels.mjs';

export const cluster = dashboard('ringback-cluster', 'Ringback: gateways and Redis', 'Gateways, the store, and what lies between them.', [
  ['Now', [
    figure('Gateways that answer', 'none', 'sum(up{job="ringback"})'),
    figure('Gateways that take clients', 'none', 'sum(ringback_ready)'),
    figure('Gateways that drain', 'none', 'sum(ringback_draining)'),
    figure('The store was heard', 's', 'max(ringback_store_heard_seconds)'),
    figure('Commits a second', 'cps', 'sum(rate(ringback_commits_total[5m]))'),
    figure('Commits decided again', 'percentunit', 'sum(rate(ringback_commits_total{outcome="conflict"}[5m])) / (sum(rate(ringback_commits_total[5m])) > 0)'),
  ]],
  ['The store', [
    percentiles('Commit', 'ringback_store_seconds', { where: '{operation="commit"}' }),
    lines('By operation, p99', 's', [['histogram_quantile(0.99, sum by (le, operation) (rate(ringback_store_seconds_bucket[$__rate_interval]))) > 0', '{{operation}}']]),
    lines('Operations a second', 'cps', [['sum by (operation) (rate(ringback_store_seconds_count[$__rate_interval])) > 0', '{{operation}}']]),
    lines('What the store did not do, a second', 'cps', [['sum by (operation, kind) (rate(ringback_store_errors_total[$__rate_interval]))', '{{operation}} {{kind}}']]),
    lines('What became of commits, a second', 'cps', [['sum by (outcome) (rate(ringback_commits_total[$__rate_interval]))', '{{outcome}}']]),
    lines('Calls put back, a minute', 'cpm', [['sum(rate(ringback_calls_put_back_total[$__rate_interval])) * 60', 'put back']]),
  ]],
  ['Between gateways', [
    percentiles('Pub/sub: from a commit to its arrival', 'ringback_bus_delay_seconds'),
    lines('Gateways that live, as each knows', 'none', [['ringback_nodes', '{{instance}}']]),
    lines('Deadlines that passed, a second', 'cps', [['sum(rate(ringback_deadlines_total[$__rate_interval]))', 'calls looked at'], ['sum(rate(ringback_sweeps_total[$__rate_interval]))', 'partitions looked at']]),
  ]],
  ['Webhooks', [
    figure('The oldest event that waits', 's', 'max(ringback_webhook_oldest_seconds)'),
    figure('Events that wait', 'none', 'sum(ringback_webhook_pending)'),
    figure('Not delivered, in a day', 'none', 'sum(increase(ringback_webhook_undelivered_total[1d]))'),
    lines('Events written, a second', 'cps', [['sum by (event) (rate(ringback_outcome_events_total[$__rate_interval]))', '{{event}}']], { width: 12, height: 4 }),
    lines('Attempts to deliver, a second', 'cps', [['sum by (result) (rate(ringback_webhook_attempts_total[$__rate_interval]))', '{{result}}']]),
    percentiles('From an event to its delivery', 'ringback_webhook_delay_seconds'),
    percentiles('What the receiver takes to answer', 'ringback_webhook_seconds'),
  ]],
  ['Each gateway', [
    lines('Connections', 'none', [['ringback_connections', '{{instance}}']]),
    lines('CPU', 'percentunit', [['rate(process_cpu_seconds_total{job="ringback"}[$__rate_interval])', '{{instance}}']]),
    lines('Resident memory', 'bytes', [['process_resident_memory_bytes{job="ringback"}', '{{instance}}']]),
    lines('Open files', 'none', [['process_open_fds{job="ringback"}', '{{instance}}']]),
    lines('Tasks of the runtime', 'none', [['ringback_tasks', '{{instance}}']]),
    percentiles('A hello', 'ringback_hello_seconds'),
    lines('Clients asked to go (goaway), a second', 'cps', [['sum by (instance) (rate(ringback_goaways_total[$__rate_interval]))', '{{instance}}']]),
  ]],
]);
