//! Plots as inline SVG: lines over an axis, drawn small and plain.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 12.0;

/// The classes of lines, for as many lines as there may be.
pub(crate) const CLASSES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// One line, and the class it is styled by.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// In the legend.
    pub(crate) name: &'a str,
    /// Its class.
    pub(crate) class: &'static str,
    /// From left to right.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A plot; `ticks` are places on the axis below with their names, `unit` is what is on the left.
pub(crate) fn plot(title: &str, unit: &str, lines: &[Line<'_>], ticks: &[(f64, String)]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let bounds = |of: fn(&(f64, f64)) -> f64| {
        points()
            .map(of)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)))
    };
    let ((first, last), (_, highest)) = (bounds(|point| point.0), bounds(|point| point.1));
    if !highest.is_finite() {
        return String::new();
    }
    let top = nice(highest.max(1e-3));
    let span = if last > first { last - first } else { 1.0 };
    let x = |at: f64| LEFT + (at - first) / span * (WIDTH - LEFT - RIGHT);
    let y = |at: f64| HEIGHT - BOTTOM - at / top * (HEIGHT - BOTTOM - TOP);
    let mut svg = format!(
        "<figure><figcaption>{}{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">",
        escape(title),
        lines.iter().fold(String::new(), |mut legend, line| {
            let _ = write!(legend, " <span class=\"{}\">— {}</span>", line.class, escape(line.name));
            legend
        }),
    );
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let at = y(value);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            number(value),
        );
    }
    let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", 2.0, HEIGHT - 8.0, escape(unit));
    for (at, name) in ticks.iter().filter(|(at, _)| (first..=last).contains(at)) {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(*at),
            HEIGHT - 8.0,
            escape(name)
        );
    }
    for line in lines {
        let points = line.points.iter().fold(String::new(), |mut path, point| {
            let _ = write!(path, "{:.1},{:.1} ", x(point.0), y(point.1));
            path
        });
        let _ = write!(svg, "<polyline class=\"{}\" points=\"{points}\"/>", line.class);
    }
    svg.push_str("</svg></figure>");
    svg
}

/// The next of 1, 2, 5, 10, …
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|top| *top >= value).unwrap_or(value)
}

fn number(value: f64) -> String {
    if value >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// For HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number() {
        assert_eq!([0.3, 1.0, 1.1, 42.0].map(nice), [0.5, 1.0, 2.0, 50.0]);
    }

    #[test]
    fn nothing_to_draw_is_no_plot() {
        assert_eq!(plot("t", "ms", &[Line { name: "a", class: "a", points: Vec::new() }], &[]), "");
    }

    #[test]
    fn a_point_alone_is_drawn() {
        let svg = plot("a <b>", "ms", &[Line { name: "a", class: "a", points: vec![(3.0, 0.0)] }], &[]);
        assert!(svg.contains("a &lt;b&gt;") && !svg.contains("NaN"), "{svg}");
    }
}
