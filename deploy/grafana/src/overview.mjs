// At a glance: do calls get set up, how fast, and what fails.

import { dashboard, figure, heat, lines, percentiles } from './panels.mjs';

export const overview = dashboard('ringback-overview', 'Ringback: overview', 'Whether calls get set up, how fast, and where they fail.', [
  ['Now', [
    figure('Calls a minute', 'none', 'sum(rate(ringback_call_attempts_total[5m])) * 60'),
    figure('Live calls', 'none', 'sum(ringback_calls)'),
    figure('Somebody answered, or said no (SEER)', 'percentunit', 'ringback:call_establishment_effectiveness:ratio5m'),
    figure('Set-ups that fail', 'percentunit', 'ringback:call_setup_failures:ratio5m'),
    figure('Set-up, ring time aside, p95', 's', 'ringback:call_setup_service_seconds:p95_5m'),
    figure('Gateways that take clients', 'none', 'sum(ringback_ready)'),
  ]],
  ['Calls', [
    lines('Calls placed and ended', 'cpm', [
      ['sum(rate(ringback_call_attempts_total[$__rate_interval])) * 60', 'placed'],
      ['sum(rate(ringback_call_ended_total[$__rate_interval])) * 60', 'ended'],
    ]),
    lines('Live calls', 'none', [['sum by (state) (ringback_calls)', '{{state}}']]),
    lines('How calls end, a minute', 'cpm', [['sum by (reason) (rate(ringback_call_ended_total[$__rate_interval])) * 60 > 0', '{{reason}}']]),
    lines('Ratios (RFC 6076)', 'percentunit', [
      ['ringback:call_establishment:ratio5m', 'established (SER)'],
      ['ringback:call_establishment_effectiveness:ratio5m', 'effective (SEER)'],
      ['ringback:call_ineffective_attempts:ratio5m', 'ineffective (ISA)'],
      ['ringback:call_completion:ratio5m', 'completed (SCR)'],
    ], { width: 12 }),
    heat('Set-up, ring time aside', 's', 'ringback_call_setup_service_seconds'),
  ]],
  ['Messages and connections', [
    percentiles('Delivery of an event', 'ringback_delivery_seconds'),
    lines('Events a second', 'cps', [['sum(rate(ringback_deliveries_total[$__rate_interval]))', 'delivered'], ['sum(rate(ringback_replayed_events_total[$__rate_interval]))', 'replayed']]),
    lines('Connections', 'none', [['sum(ringback_connections)', 'all'], ['ringback_connections', '{{instance}}']]),
  ]],
]);
