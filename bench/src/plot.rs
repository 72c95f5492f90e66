//! The plot: a bar a row, as long as its figure is by its target, on a logarithmic scale; one line marks the targets.

use std::fmt::Write;

use crate::table::Row;

/// Bars from a tenth of the target to ten times it.
const DECADES: f64 = 2.0;
const ROW_HEIGHT: usize = 26;
const TOP: usize = 40;
const LEFT: f64 = 420.0;
const WIDTH: f64 = 460.0;

/// The rows as SVG.
pub(crate) fn svg(rows: &[Row]) -> String {
    let shown: Vec<(&Row, f64)> = rows.iter().filter_map(|row| Some((row, row.reach()?))).collect();
    let height = TOP + shown.len() * ROW_HEIGHT + 20;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
        LEFT + WIDTH + 80.0
    );
    for (number, (row, reach)) in shown.iter().enumerate() {
        let y = TOP + number * ROW_HEIGHT;
        let length = place(*reach).max(1.0);
        let colour = if *reach >= 1.0 { "#2a7f62" } else { "#b5482f" };
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT:.0}\" y=\"{}\" width=\"{length:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{}\">{reach:.2}</text>",
            LEFT - 8.0,
            y + 13,
            escaped(&row.what),
            y,
            LEFT + length + 5.0,
            y + 13,
        );
    }
    for (reach, label) in [(0.1, "0.1"), (1.0, "target"), (10.0, "10")] {
        let x = LEFT + place(reach);
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{height}\" stroke=\"#444\" stroke-dasharray=\"3 3\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            TOP - 8,
            TOP - 14,
        );
    }
    out.push_str("</svg>\n");
    out
}

/// How far right a figure lies.
fn place(reach: f64) -> f64 {
    let decades = reach.max(f64::MIN_POSITIVE).log10() + DECADES / 2.0;
    (decades / DECADES).clamp(0.0, 1.0) * WIDTH
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Found, Scale, Target};

    #[test]
    fn bars_end_where_their_figures_are() {
        assert!((place(1.0) - WIDTH / 2.0).abs() < 0.01);
        assert!(place(0.01).abs() < 0.01);
        assert!((place(1_000.0) - WIDTH).abs() < 0.01);
    }

    #[test]
    fn skipped_rows_have_no_bar() {
        let target = Target::AtLeast(2.0, Scale::Times);
        let rows = [
            Row::new("a < b", "", "1/s", target, Found::Figure(2.0)),
            Row::new("absent", "", "1/s", target, Found::Skipped("no".to_owned())),
        ];
        let svg = svg(&rows);
        assert!(svg.contains("a &lt; b"));
        assert!(!svg.contains("absent"));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }
}
