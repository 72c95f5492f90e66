//! Days of the calendar: which of them there are, and how far they are from 1970.

use time::{Date, Month};

/// Days from 1970-01-01 to a day of the Gregorian calendar; `None` when there is no such day.
pub(crate) fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let first = Date::from_ordinal_date(1970, 1).ok()?;
    Some(i64::from(date.to_julian_day() - first.to_julian_day()))
}

#[cfg(test)]
mod tests {
    use super::days_since_1970;

    #[test]
    fn days_follow_each_other_from_year_0_to_year_9999() {
        let all =
            (0..=9_999).flat_map(|year| (0..=13).flat_map(move |month| (0..=32).map(move |day| (year, month, day))));
        let days: Vec<i64> = all
            .filter_map(|(year, month, day)| days_since_1970(year, month, day))
            .collect();
        assert!(days.windows(2).all(|pair| pair[0] + 1 == pair[1]));
        assert_eq!((days[0], days[days.len() - 1]), (-719_528, 2_932_896));
    }

    #[test]
    fn leap_days_are_where_they_are() {
        for (year, is_leap) in [(1970, false), (1972, true), (1900, false), (2000, true), (2100, false)] {
            assert_eq!(days_since_1970(year, 2, 29).is_some(), is_leap, "{year}");
        }
        assert_eq!(days_since_1970(1970, 1, 1), Some(0));
        assert_eq!(days_since_1970(2000, 3, 1), Some(11_017));
    }
}
