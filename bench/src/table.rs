//! The table: a row's figures, what they should reach, and whether they do.

use serde_json::{Value, json};

use crate::pairs::{Pairs, median};

/// How a figure is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// 0.85 as `85 %`.
    Percent,
    /// 3.0 as `3.0 ×`.
    Times,
    /// 250.0 as `250 MB`.
    Megabytes,
}

impl Scale {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Percent => format!("{:.0} %", figure * 100.0),
            Self::Times if figure < 10.0 => format!("{figure:.2} ×"),
            Self::Times => format!("{figure:.1} ×"),
            Self::Megabytes if figure < 10.0 => format!("{figure:.2} MB"),
            Self::Megabytes => format!("{figure:.0} MB"),
        }
    }
}

/// What a figure should reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtLeast(f64, Scale),
    AtMost(f64, Scale),
}

impl Target {
    const fn parts(self) -> (f64, Scale) {
        match self {
            Self::AtLeast(bound, scale) | Self::AtMost(bound, scale) => (bound, scale),
        }
    }

    fn is_reached(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound, _) => figure >= bound,
            Self::AtMost(bound, _) => figure <= bound,
        }
    }

    /// How far the figure is beyond its target: more than 1 reaches it, whichever way it points.
    fn reach(self, figure: f64) -> f64 {
        match self {
            Self::AtLeast(bound, _) => figure / bound,
            Self::AtMost(bound, _) => bound / figure.max(f64::MIN_POSITIVE),
        }
    }

    fn show(self) -> String {
        let (bound, scale) = self.parts();
        let bound = match scale {
            Scale::Percent => format!("{:.0} %", bound * 100.0),
            Scale::Times => format!("{bound} ×"),
            Scale::Megabytes => format!("{bound} MB"),
        };
        match self {
            Self::AtLeast(..) => format!("≥ {bound}"),
            Self::AtMost(..) => format!("≤ {bound}"),
        }
    }
}

/// What came of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// Ratios of pairs.
    Pairs(Pairs),
    /// One figure.
    Figure(f64),
    /// It does not apply here, and why.
    Skipped(String),
    /// It could not be measured, and why.
    Failed(String),
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) against: String,
    /// Of both sides' figures.
    pub(crate) unit: &'static str,
    pub(crate) target: Target,
    pub(crate) found: Found,
    /// What a reader should know beside.
    pub(crate) notes: Vec<String>,
}

impl Row {
    pub(crate) fn new(
        what: impl Into<String>,
        against: impl Into<String>,
        unit: &'static str,
        target: Target,
        found: Found,
    ) -> Self {
        Self {
            what: what.into(),
            against: against.into(),
            unit,
            target,
            found,
            notes: Vec::new(),
        }
    }

    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The median ratio, or the figure.
    pub(crate) fn figure(&self) -> Option<f64> {
        match &self.found {
            Found::Pairs(pairs) => Some(median(&pairs.ratios())),
            Found::Figure(figure) => Some(*figure),
            Found::Skipped(_) | Found::Failed(_) => None,
        }
    }

    /// The figure by its target; more than 1 is reached.
    pub(crate) fn reach(&self) -> Option<f64> {
        self.figure().map(|figure| self.target.reach(figure))
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match (&self.found, self.figure()) {
            (Found::Skipped(_), _) => "skipped",
            (_, Some(figure)) if self.target.is_reached(figure) => "reached",
            (_, Some(_)) => "missed",
            (_, None) => "failed",
        }
    }

    /// The cells of the table.
    fn cells(&self) -> [String; 7] {
        let (_, scale) = self.target.parts();
        let (ours, reference, range) = match &self.found {
            Found::Pairs(pairs) => {
                let ratios = pairs.ratios();
                let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
                let most = ratios.iter().copied().fold(0.0, f64::max);
                (
                    amount(median(&pairs.ours), self.unit),
                    amount(median(&pairs.reference), self.unit),
                    format!(" ({} … {})", scale.show(least), scale.show(most)),
                )
            }
            _ => (String::new(), String::new(), String::new()),
        };
        let figure = self.figure().map(|figure| scale.show(figure)).unwrap_or_default();
        [
            self.what.clone(),
            self.against.clone(),
            ours,
            reference,
            format!("{figure}{range}"),
            self.target.show(),
            self.verdict().to_owned(),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        let (pairs, reason) = match &self.found {
            Found::Pairs(pairs) => (json!({ "ours": pairs.ours, "reference": pairs.reference }), Value::Null),
            Found::Figure(_) => (Value::Null, Value::Null),
            Found::Skipped(reason) | Found::Failed(reason) => (Value::Null, reason.as_str().into()),
        };
        json!({
            "what": self.what,
            "against": self.against,
            "unit": self.unit,
            "target": self.target.show(),
            "figure": self.figure(),
            "verdict": self.verdict(),
            "pairs": pairs,
            "reason": reason,
            "notes": self.notes,
        })
    }
}

/// Three digits or so, with its unit.
fn amount(value: f64, unit: &str) -> String {
    let digits = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$} {unit}")
}

/// The rows in Markdown, and what is to be said of them.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut lines = vec![
        "| what | against | ours | reference | ratio (range of the pairs) | target | verdict |".to_owned(),
        "|---|---|---:|---:|---:|---:|---|".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| format!("| {} |", row.cells().join(" | "))));
    lines.push(String::new());
    for row in rows {
        let reason = match &row.found {
            Found::Skipped(reason) | Found::Failed(reason) => Some(reason),
            Found::Pairs(_) | Found::Figure(_) => None,
        };
        let notes = row.notes.iter().chain(reason);
        lines.extend(notes.map(|note| format!("- {}: {note}", row.what)));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: Target, found: Found) -> Row {
        Row::new("GET", "hello", "1/s", target, found)
    }

    #[test]
    fn verdicts_follow_the_target() {
        let least = Target::AtLeast(0.85, Scale::Percent);
        let most = Target::AtMost(3.0, Scale::Times);
        assert_eq!(row(least, Found::Figure(0.85)).verdict(), "reached");
        assert_eq!(row(least, Found::Figure(0.84)).verdict(), "missed");
        assert_eq!(row(most, Found::Figure(3.0)).verdict(), "reached");
        assert_eq!(row(most, Found::Figure(3.1)).verdict(), "missed");
        assert_eq!(row(most, Found::Skipped("no".to_owned())).verdict(), "skipped");
        assert_eq!(row(most, Found::Failed("no".to_owned())).verdict(), "failed");
    }

    #[test]
    fn reach_is_more_than_one_when_the_target_is_reached() {
        let least = row(Target::AtLeast(2.0, Scale::Times), Found::Figure(3.0));
        let most = row(Target::AtMost(2.0, Scale::Times), Found::Figure(4.0));
        assert!((least.reach().unwrap() - 1.5).abs() < f64::EPSILON);
        assert!((most.reach().unwrap() - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn the_table_shows_medians_and_the_range() {
        let pairs = Pairs {
            reference: vec![10.0, 10.0, 10.0, 10.0],
            ours: vec![5.0, 9.0, 8.0],
        };
        let row = row(Target::AtLeast(0.85, Scale::Percent), Found::Pairs(pairs)).with_note("a note");
        let table = markdown(&[row]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[2],
            "| GET | hello | 8.00 1/s | 10.0 1/s | 80 % (50 % … 90 %) | ≥ 85 % | missed |"
        );
        assert_eq!(lines[4], "- GET: a note");
    }

    #[test]
    fn figures_are_shown_by_their_scale() {
        assert_eq!(Scale::Percent.show(0.851), "85 %");
        assert_eq!(Scale::Times.show(3.014), "3.01 ×");
        assert_eq!(Scale::Times.show(16.04), "16.0 ×");
        assert_eq!(Scale::Megabytes.show(0.5), "0.50 MB");
        assert_eq!(Target::AtMost(250.0, Scale::Megabytes).show(), "≤ 250 MB");
        assert_eq!(amount(0.123_4, "ms"), "0.123 ms");
        assert_eq!(amount(1_234.4, "1/s"), "1234 1/s");
    }
}
