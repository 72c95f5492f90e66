//! Which times of RFC 3339 are taken, as which instants, and how far ahead.

use super::*;

fn ts(text: &str) -> Result<Time, Vec<Problem>> {
    read(&with([("ts", json!(text))])).map(|webhook| webhook.ts)
}

#[test]
fn times_of_rfc_3339_are_read_as_instants() {
    for (text, micros) in [
        ("2026-02-02T02:40:00Z", 0),
        ("2026-02-02t02:40:00z", 0),
        ("2026-02-02T04:40:00+02:00", 0),
        ("2026-02-01T21:10:00-05:30", 0),
        ("2026-02-03T02:39:00+23:59", 0),
        ("2026-02-02T02:40:00+00:00", 0),
        // An unknown local offset is that of UTC.
        ("2026-02-02T02:40:00-00:00", 0),
        ("2026-02-02T02:40:00.5Z", 500_000),
        ("2026-02-02T02:40:00.000001+00:00", 1),
        // What is finer than a microsecond is cut off.
        ("2026-02-02T02:40:00.123456789Z", 123_456),
        ("2026-02-02T02:39:59.999999999Z", -1),
        // A leap second is the second before it.
        ("2026-02-02T02:39:60Z", -1_000_000),
    ] {
        assert_eq!(ts(text), Ok(Time(NOW.0 + micros)), "{text}");
    }
}

#[test]
fn old_times_are_fine() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59Z", -1),
        ("2024-02-29T00:00:00Z", 1_709_164_800),
        ("2016-12-31T23:59:60Z", 1_483_228_799),
        ("0001-01-01T00:00:00Z", -62_135_596_800),
    ] {
        assert_eq!(ts(text), Ok(Time::from_seconds(seconds)), "{text}");
    }
}

#[test]
fn other_forms_are_refused() {
    for text in [
        "",
        "now",
        "1770000000",
        "2026-02-02",
        // No offset, and offsets that are none.
        "2026-02-02T02:40:00",
        "2026-02-02T02:40:00+02",
        "2026-02-02T02:40:00+0200",
        "2026-02-02T02:40:00+2:00",
        "2026-02-02T02:40:00+02:00:00",
        "2026-02-02T02:40:00+02:60",
        "2026-02-02T02:40:00 Z",
        "2026-02-02T02:40:00Z[UTC]",
        "2026-02-02T02:40:00+00:00[UTC]",
        "2026-02-02T02:40:00UTC",
        // Another separator.
        "2026-02-02 02:40:00Z",
        "2026-02-02_02:40:00Z",
        // Parts that are missing, short or long.
        "2026-02-02T02:40Z",
        "2026-02-02T02Z",
        "20260202T024000Z",
        "2026-2-02T02:40:00Z",
        "2026-033T02:40:00Z",
        "2026-W06-1T02:40:00Z",
        "26-02-02T02:40:00Z",
        "-002026-02-02T02:40:00Z",
        "+002026-02-02T02:40:00Z",
        "12026-02-02T02:40:00Z",
        "10000-01-01T00:00:00Z",
        " 2026-02-02T02:40:00Z",
        "2026-02-02T02:40:00Z ",
        "2026-02-02T02:40:00Z\n",
        // Fractions.
        "2026-02-02T02:40:00.Z",
        "2026-02-02T02:40:00,5Z",
        "2026-02-02T02:40:00.1234567890Z",
        "2026-02-02T02:40:00.5",
        // No such time.
        "2026-02-31T02:40:00Z",
        "2025-02-29T02:40:00Z",
        "2026-13-01T02:40:00Z",
        "2026-00-01T02:40:00Z",
        "2026-01-00T02:40:00Z",
        "2026-02-01T24:00:00Z",
        "2026-02-01T23:60:00Z",
        "2026-02-01T23:59:61Z",
        // Digits, but not of ASCII.
        "２026-02-02T02:40:00Z",
        "2026-02-02T02:40:00\u{2212}00:00",
    ] {
        assert_eq!(wrong(read(&with([("ts", json!(text))]))), ["ts pattern"], "{text}");
    }
}

#[test]
fn a_time_may_be_300_seconds_ahead() {
    for text in [
        "2026-02-02T02:45:00Z",
        "2026-02-02T02:44:59.999999Z",
        "2026-02-02T03:45:00+01:00",
    ] {
        assert_eq!(ts(text).map(|_| ()), Ok(()), "{text}");
    }
    for text in [
        "2026-02-02T02:45:00.000001Z",
        "2026-02-02T02:45:01Z",
        "2026-02-02T02:45:00-00:01",
        "9999-01-01T00:00:00Z",
    ] {
        assert_eq!(wrong(read(&with([("ts", json!(text))]))), ["ts range"], "{text}");
    }
}

#[test]
fn an_end_may_be_as_far_ahead_as_years_have_four_digits() {
    let end = |text: &str| {
        let read = read(&with([("data", json!({ "expires_at": text }))]));
        read.map(|webhook| webhook.expires_at)
    };
    assert_eq!(
        end("9999-12-30T00:00:00Z"),
        Ok(Some(Time::from_seconds(253_402_128_000)))
    );
    assert_eq!(wrong_end("10000-01-01T00:00:00Z"), ["data.expires_at pattern"]);
    assert_eq!(wrong_end("9999-12-31T23:59:59-00:01"), ["data.expires_at pattern"]);
}

fn wrong_end(text: &str) -> Vec<String> {
    wrong(read(&with([("data", json!({ "expires_at": text }))])))
}

#[test]
fn the_last_day_of_the_year_9999_is_a_time() {
    for text in [
        "9999-12-31T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59+14:00",
        "9999-12-31T23:59:59.999Z",
    ] {
        assert_eq!(wrong_end(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn an_offset_is_less_than_a_day() {
    for text in ["2026-02-02T02:40:00+24:00", "2026-02-02T02:40:00-25:59"] {
        assert_eq!(wrong(read(&with([("ts", json!(text))]))), ["ts pattern"], "{text}");
    }
}
