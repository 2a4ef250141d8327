// Set-up by phase: whose time it is.

import { dashboard, heat, lines, percentiles } from './panels.mjs';

const PHASES = ['policy', 'ring', 'negotiate', 'ice'];
const ABOUT = {
  policy: 'From call:init to ringing: the policy, and the look-up of the callee.',
  ring: 'To the accept: a person, and nobody else.',
  negotiate: 'From the accept to the answer: two round trips between clients.',
  ice: 'From the answer to media on both sides: the networks.',
};

export const setup = dashboard('ringback-setup', 'Ringback: call set-up', 'How long set-up takes, and whose time that is.', [
  ['The whole', [
    percentiles('Set-up, ring time aside', 'ringback_call_setup_service_seconds', { width: 12, traces: 'span.ringback.call.service_ms > 1000' }),
    percentiles('From call:init to the first alert (session request delay)', 'ringback_call_session_request_delay_seconds', { width: 12 }),
    heat('Set-up, ring time aside', 's', 'ringback_call_setup_service_seconds'),
    heat('Set-up, ring time included', 's', 'ringback_call_setup_seconds'),
  ]],
  ['By phase', PHASES.map((phase) =>
    percentiles(phase, 'ringback_call_phase_seconds', { where: `{phase="${phase}",finish="done"}`, about: ABOUT[phase], width: 6 }),
  )],
  ['Where set-ups end that come to nothing', [
    lines('Calls that ended in a phase, a minute', 'cpm', [['sum by (phase) (rate(ringback_call_phase_seconds_count{finish="ended"}[$__rate_interval])) * 60', '{{phase}}']], { width: 12, traces: 'span.ringback.call.phase = "${__field.labels.phase}"' }),
    percentiles('After how long', 'ringback_call_phase_seconds', { by: ['phase'], where: '{finish="ended"}', of: [0.5], width: 12 }),
  ]],
]);
