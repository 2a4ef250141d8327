// What fails, by its reason.

import { dashboard, lines } from './panels.mjs';

const OF_REASON = 'span.ringback.call.reason = "${__field.labels.reason}"';

export const failures = dashboard('ringback-failures', 'Ringback: failures', 'What fails, how often, and for which reason.', [
  ['Calls', [
    lines('Set-ups that fail', 'percentunit', [['ringback:call_setup_failures:ratio5m', 'of all calls']], { traces: 'status = error' }),
    lines('Calls that break off', 'percentunit', [['ringback:call_drops:ratio5m', 'of connected calls']]),
    lines('By reason and phase, a minute', 'cpm', [
      ['sum by (reason, phase) (rate(ringback_call_ended_total{reason!~"hangup|cancelled|rejected|busy|no_answer|offline|answered_elsewhere"}[$__rate_interval])) * 60', '{{reason}} in {{phase}}'],
    ], { traces: OF_REASON }),
    lines('What people do, a minute', 'cpm', [
      ['sum by (reason) (rate(ringback_call_ended_total{reason=~"cancelled|rejected|busy|no_answer|offline"}[$__rate_interval])) * 60', '{{reason}}'],
    ], { traces: OF_REASON }),
    lines('Crossings, a minute', 'cpm', [['sum by (level) (rate(ringback_glare_total[$__rate_interval])) * 60', '{{level}}']]),
    lines('Candidates held for their description, a second', 'cps', [['sum(rate(ringback_candidates_held_total[$__rate_interval]))', 'held']]),
  ]],
  ['Requests and connections', [
    lines('Errors answered, a second', 'cps', [['sum by (code) (rate(ringback_errors_total[$__rate_interval])) > 0', '{{code}}']]),
    lines('Connections that end, a second', 'cps', [['sum by (reason) (rate(ringback_disconnects_total[$__rate_interval]))', '{{reason}}']]),
    lines('Clients turned away, a second', 'cps', [['sum by (reason) (rate(ringback_connections_refused_total[$__rate_interval]))', '{{reason}}']]),
    lines('What a hello comes to, a second', 'cps', [['sum by (result) (rate(ringback_hellos_total[$__rate_interval]))', '{{result}}']]),
    lines('Requests sent again, a second', 'cps', [['sum(rate(ringback_requests_repeated_total[$__rate_interval]))', 'repeated']]),
    lines('Read up because something was missed, a minute', 'cpm', [['sum by (cause) (rate(ringback_gaps_total[$__rate_interval])) * 60', '{{cause}}']]),
  ]],
]);
