// The few kinds of panel that the dashboards are made of. Every query goes to the data source that the dashboard's variable
// names.

import { DashboardBuilder, DatasourceVariableBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as HeatmapBuilder } from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const WIDTH = 24;

function query([expr, legend], place, format) {
  const built = new DataqueryBuilder().expr(expr).legendFormat(legend ?? '').refId(String.fromCharCode(65 + place));
  return format === undefined ? built : built.format(format);
}

/**
 * From a point of a panel to the traces of its time, in a Tempo: those of calls for which this TraceQL condition holds. Labels of
 * the series are `${__field.labels.<name>}`.
 */
function toTraces(condition) {
  const tempo = '${traces}';
  const query = { refId: 'A', datasource: { type: 'tempo', uid: tempo }, queryType: 'traceql', query: `{ name = "call" && ${condition} }`, limit: 50 };
  const range = { from: '${__from}', to: '${__to}' };
  const panes = encodeURIComponent(JSON.stringify({ traces: { datasource: tempo, queries: [query], range } }));
  // What Grafana puts in is left as it is written.
  const open = panes.replace(/%24%7B([\w.]+)%7D/g, (_, name) => `\${${name}}`);
  const link = { title: 'Traces of these calls', url: `/explore?schemaVersion=1&panes=${open}`, targetBlank: true };
  return { build: () => link };
}

function fill(panel, { title, about, unit, queries, width, height, format, traces }) {
  panel.title(title).datasource(SOURCE).span(width ?? 8).height(height ?? 8);
  if (about !== undefined) panel.description(about);
  if (unit !== undefined) panel.unit(unit);
  if (traces !== undefined) panel.dataLinks([toTraces(traces)]);
  queries.forEach((each, place) => panel.withTarget(query(each, place, format)));
  return panel;
}

/** Lines over time. Each query is `[expression, legend]`. */
export function lines(title, unit, queries, more = {}) {
  return fill(new TimeseriesBuilder().min(0), { title, unit, queries, ...more });
}

/** One figure, as it is now. */
export function figure(title, unit, expr, more = {}) {
  return fill(new StatBuilder(), { title, unit, queries: [[expr]], width: 4, height: 4, ...more });
}

/** How a histogram's observations are spread over time. */
export function heat(title, unit, metric, more = {}) {
  const queries = [[`sum by (le) (rate(${metric}_bucket[$__rate_interval]))`, '{{le}}']];
  return fill(new HeatmapBuilder(), { title, unit, queries, format: PromQueryFormat.Heatmap, width: 12, ...more });
}

/** Some percentiles of a histogram, in one panel. */
export function percentiles(title, metric, more = {}) {
  const { by = [], where = '', of = [0.5, 0.95, 0.99], ...rest } = more;
  const labels = ['le', ...by].join(', ');
  const queries = of.map((q) => [
    `histogram_quantile(${q}, sum by (${labels}) (rate(${metric}_bucket${where}[$__rate_interval])))`,
    [...by.map((label) => `{{${label}}}`), `p${q * 100}`].join(' '),
  ]);
  return lines(title, 's', queries, rest);
}

/** A dashboard of rows of panels, `[title, [panel, …]]`, laid out from left to right. */
export function dashboard(uid, title, about, rows) {
  const built = new DashboardBuilder(title)
    .uid(uid)
    .description(about)
    .tags(['ringback'])
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .timezone('browser')
    .readonly()
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .withVariable(new DatasourceVariableBuilder('traces').label('Traces').type('tempo'));
  let [x, y, id] = [0, 0, 0];
  for (const [heading, panels] of rows) {
    built.withRow(new RowBuilder(heading).id((id += 1)).gridPos({ x: 0, y, w: WIDTH, h: 1 }));
    [x, y] = [0, y + 1];
    let tallest = 0;
    for (const panel of panels) {
      const { w, h } = panel.build().gridPos;
      if (x + w > WIDTH) [x, y, tallest] = [0, y + tallest, 0];
      built.withPanel(panel.id((id += 1)).gridPos({ x, y, w, h }));
      [x, tallest] = [x + w, Math.max(tallest, h)];
    }
    y += tallest;
  }
  return built.build();
}
