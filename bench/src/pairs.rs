//! Two things measured in turns, A-B-A-B-…-A: each B is held against the A before and the A behind it, so that a
//! machine that gets slower meanwhile does not decide.

use crate::Result;

/// Measurements in turns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pairs {
    /// What is compared with; one more than there are pairs.
    pub(crate) reference: Vec<f64>,
    /// What is judged.
    pub(crate) ours: Vec<f64>,
}

impl Pairs {
    /// Measures so many pairs.
    pub(crate) fn measure(
        count: usize,
        mut reference: impl FnMut() -> Result<f64>,
        mut ours: impl FnMut() -> Result<f64>,
    ) -> Result<Self> {
        let mut pairs = Self {
            reference: vec![reference()?],
            ours: Vec::new(),
        };
        for number in 1..=count {
            pairs.ours.push(ours()?);
            pairs.reference.push(reference()?);
            eprintln!(
                "  pair {number} of {count}: {:.3}",
                pairs.ratios().last().unwrap_or(&0.0)
            );
        }
        Ok(pairs)
    }

    /// Each of ours by the mean of its neighbours.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let neighbours = self.reference.iter().zip(self.reference.iter().skip(1));
        let ratio = |(ours, (before, behind)): (&f64, (&f64, &f64))| ours / f64::midpoint(*before, *behind);
        self.ours.iter().zip(neighbours).map(ratio).collect()
    }
}

/// The middle of the values; of two middles their mean, of none 0.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|index| sorted.get(index));
    lower.map_or(upper, |lower| f64::midpoint(*lower, upper))
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_found() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[4.0]), 4.0);
        assert_eq!(median(&[9.0, 1.0]), 5.0);
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn each_is_held_against_its_neighbours() {
        let (mut a, mut b) = ([10.0, 20.0, 40.0].into_iter(), [30.0, 15.0].into_iter());
        let pairs = Pairs::measure(2, || Ok(a.next().unwrap()), || Ok(b.next().unwrap())).unwrap();
        assert_eq!(pairs.ratios(), [2.0, 0.5]);
    }

    #[test]
    fn what_cannot_be_measured_ends_it() {
        assert!(Pairs::measure(1, || Ok(1.0), || Err("broken".into())).is_err());
    }
}
