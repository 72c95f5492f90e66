//! What is refused at the border, what the wire looks like, and RFC 8785's own examples.

use super::canonical::as_it_comes;
use super::*;
use crate::limits::JSON_DEPTH_MAX;
use crate::record::{Cell, Column};
use proptest::prelude::*;
use serde_json::json;

fn code(text: &str) -> &'static str {
    parse(text.as_bytes()).map_or_else(|error| error.code(), |_| "accepted")
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn every_kind_of_value_is_read() {
    let text = r#" {"a":[null,true,false,-1,1.5,1e2,"é\n\ud83d\ude00\u00e9"],"b":{}} "#;
    let expected = json!({"a": [null, true, false, -1, 1.5, 100.0, "é\n😀é"], "b": {}});
    assert_eq!(parse(text.as_bytes()), Ok(expected));
}

#[test]
fn bad_syntax_is_refused_with_its_place() {
    let error = parse(b"{\"a\":1,\n\"secret\" 2}").unwrap_err();
    assert_eq!(error.code(), "syntax");
    assert_eq!(error.to_string(), "not valid JSON: expected `:` at line 2, column 10");
    for text in [
        "", " ", "{", "[1,]", "tru", "01", "1.", "-", "+1", "'a'", "NaN", "\"\n\"", "\"\\x\"",
    ] {
        assert_eq!(code(text), "syntax", "{text}");
    }
    assert_eq!(code("\u{feff}1"), "syntax", "a byte order mark");
}

#[test]
fn only_white_space_may_follow() {
    assert_eq!(code("1 \r\n\t"), "accepted");
    assert_eq!(code("1 2"), "syntax");
    assert_eq!(code("{}{}"), "syntax");
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    assert_eq!(parse(b"\"a\xff\""), Err(JsonError::Utf8 { offset: 2 }));
    assert_eq!(
        parse(b"\"\xed\xa0\x80\"").unwrap_err().code(),
        "utf8",
        "an encoded surrogate"
    );
}

#[test]
fn half_a_surrogate_pair_is_refused() {
    for text in [
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\ud83d\ud83d""#,
        r#""\uD83Dx""#,
        r#""\ud83d\n""#,
    ] {
        assert_eq!(
            parse(text.as_bytes()),
            Err(JsonError::Surrogate { offset: 1 }),
            "{text}"
        );
    }
    assert_eq!(code(r#""\\ud83d""#), "accepted", "an escaped backslash, then letters");
    assert_eq!(code(r#"{"\udc00":1}"#), "utf8", "in a key too");
}

#[test]
fn a_key_may_stand_once_in_an_object() {
    assert_eq!(code(r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}"#), "accepted");
    for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
        assert_eq!(code(text), "duplicate_key", "{text}");
    }
    let error = parse(br#"{"secret":1,"secret":2}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an object has the same key twice at line 1, column 20"
    );
}

#[test]
fn nesting_is_bounded() {
    assert_eq!(code(&nested(JSON_DEPTH_MAX)), "accepted");
    assert_eq!(code(&nested(JSON_DEPTH_MAX + 1)), "too_deep");
    assert_eq!(code(&"{\"a\":".repeat(JSON_DEPTH_MAX + 1)), "too_deep");
    assert_eq!(
        code(&format!("\"{}\"", "[".repeat(1_000))),
        "accepted",
        "brackets in a string"
    );
}

#[test]
fn whole_numbers_must_fit_i64() {
    let read = |text: &str| parse(text.as_bytes()).ok();
    assert_eq!(read("9223372036854775807"), Some(json!(i64::MAX)));
    assert_eq!(read("-9223372036854775808"), Some(json!(i64::MIN)));
    for text in ["9223372036854775808", "-9223372036854775809", "18446744073709551615"] {
        assert_eq!(code(text), "number", "{text}");
    }
    assert_eq!(
        parse(b"[\"\\\"\",99999999999999999999]"),
        Err(JsonError::Number { offset: 6 })
    );
    assert_eq!(code("\"99999999999999999999\""), "accepted", "digits in a string");
}

#[test]
fn other_numbers_must_fit_a_double() {
    assert_eq!(code("1.7976931348623157e308"), "accepted");
    assert_eq!(code("1.8e308"), "number");
    assert_eq!(code("-1e999999999999999999999"), "number");
    assert_eq!(code("99999999999999999999.0"), "accepted");
    assert_eq!(parse(b"0e999").ok(), Some(json!(0.0)));
}

#[test]
fn the_wire_is_ascii_without_apostrophes() {
    let value = json!({"ключ'": "it's é, €, 😀\u{7f}\n\"\\/\u{1}"});
    assert_eq!(
        to_ascii(&value),
        "{\"\\u043a\\u043b\\u044e\\u0447\\u0027\":\
         \"it\\u0027s \\u00e9, \\u20ac, \\ud83d\\ude00\u{7f}\\n\\\"\\\\/\\u0001\"}"
    );
    assert_eq!(
        to_ascii(&json!([null, true, -1, 1.5, "", {}])),
        "[null,true,-1,1.5,\"\",{}]"
    );
}

#[test]
fn any_serialisable_value_can_be_written_as_ascii() {
    let mut out = Vec::new();
    to_ascii_writer(&mut out, &("é", Some(1), Json::object())).unwrap();
    assert_eq!(out, br#"["\u00e9",1,{}]"#);
}

/// RFC 8785, appendix B.
#[test]
fn canonical_numbers_are_those_of_the_rfc() {
    for (bits, expected) in [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        let number = f64::from_bits(bits);
        assert_eq!(String::from_utf8_lossy(&canonical(&json!(number))), expected);
    }
    assert_eq!(canonical(&json!(1_424_953_923_781_206.2)), b"1424953923781206.2");
    assert_eq!(canonical(&json!(9_007_199_254_740_991_i64)), b"9007199254740991");
}

/// RFC 8785, section 3.2.2.
#[test]
fn canonical_text_is_that_of_the_rfc() {
    let text = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let expected = "{\"literals\":[null,true,false],\
        \"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
        \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    let value = parse(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(canonical(&value)).unwrap(), expected);
}

/// RFC 8785, section 3.2.3: by UTF-16 units, so that 😀 stands before U+FB33.
#[test]
fn canonical_keys_are_in_the_order_of_the_rfc() {
    let value = json!({
        "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis"
    });
    assert_eq!(
        String::from_utf8(canonical(&value)).unwrap(),
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
         \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
         \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
    );
}

/// Members that come in another order than the canonical one.
#[derive(Serialize)]
struct Unsorted {
    b: i64,
    a: i64,
}

/// So many objects, one inside the other.
fn objects(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| json!({ "a": inner }))
}

#[test]
fn what_is_canonical_as_it_comes_is_not_sorted_again() {
    let plain = json!({ "a": { "b": "é\u{1}\"", "c": [-1, null, true] }, "aa": 1_u64 << 53, "b": {} });
    assert_eq!(as_it_comes(&plain), Some(serde_json::to_vec(&plain).unwrap()));
    for other in [
        json!(1.0),
        json!((1_u64 << 53) + 1),
        json!(i64::MIN),
        json!({ "é": 1 }),
        json!({ "\n": 1 }),
    ] {
        assert_eq!(as_it_comes(&other), None, "{other}");
    }
    let unsorted = Unsorted { b: 1, a: 2 };
    assert_eq!(as_it_comes(&unsorted), None);
    let (deep, long) = (
        json!({ "a".repeat(48): objects(7) }),
        json!({ "a".repeat(49): objects(8) }),
    );
    assert_eq!(as_it_comes(&deep), Some(serde_json::to_vec(&deep).unwrap()));
    for other in [objects(9), long] {
        assert_eq!(as_it_comes(&other), None, "{other}");
        assert_eq!(canonical(&other), serde_json::to_vec(&other).unwrap());
    }
    assert_eq!(canonical(&unsorted), br#"{"a":2,"b":1}"#);
}

#[test]
fn a_stored_text_that_is_no_json_is_none() {
    for text in ["{\"a\":", "", "1e999", r#""\ud800 anything""#, &nested(200)] {
        assert_eq!(JsonText::from_cell(Cell::Text(text.into())), None, "{text}");
    }
    for cell in [Cell::Int(1), Cell::Null] {
        assert_eq!(JsonText::from_cell(cell.clone()), None, "{cell:?}");
    }
}

#[test]
fn a_document_reads_and_writes_as_its_value() {
    let json: Json = serde_json::from_str(r#"{"a":[1]}"#).unwrap();
    assert_eq!(json["a"], json!([1]));
    assert_eq!(serde_json::to_string(&json).unwrap(), r#"{"a":[1]}"#);
    assert_eq!(json, Json::from(json!({"a": [1]})));
    assert_eq!(json.clone().into_value(), json!({"a": [1]}));
    assert_eq!(*Json::default(), json!({}));
    assert_eq!(schemars::schema_for!(Json).get("type"), Some(&json!("object")));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A value of the kind that is mostly hashed: short ASCII names, small whole numbers.
fn plain_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-9_i64..9).prop_map(Value::from),
        ((1_u64 << 53) - 1..(1 << 53) + 3).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-cA-C_\"]{0,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Text that is often nearly JSON.
fn near_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[\\[\\]{},: ]",
        "\"[a-c]?\"",
        "-?[0-9]{1,20}",
        "-?[0-9](\\.[0-9])?e[0-9]{1,3}",
        "\"(\\\\u[dD][89a-f][0-9]{2}){1,2}\"",
        "\\{\"a\":1,\"[ab]\":[12]\\}",
        "null|true|\\\\",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = parse(bytes) {
        prop_assert_eq!(serde_json::from_slice::<Value>(bytes).ok(), Some(value));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_as_serde_json_does(bytes: Vec<u8>) {
        agrees(&bytes)?;
    }

    #[test]
    fn text_near_json_is_refused_or_read_as_serde_json_does(text in near_json()) {
        agrees(text.as_bytes())?;
    }

    /// No refusal of our own is a syntax error for serde_json, and the reverse.
    #[test]
    fn syntax_errors_are_those_of_serde_json(text in near_json()) {
        let theirs = serde_json::from_str::<Value>(&text);
        match parse(text.as_bytes()) {
            Err(JsonError::Syntax { .. }) => prop_assert!(theirs.is_err()),
            Ok(_) => prop_assert!(theirs.is_ok()),
            Err(_) => {}
        }
    }

    #[test]
    fn ascii_is_ascii_and_reads_back(value in any_value()) {
        let text = to_ascii(&value);
        prop_assert!(text.is_ascii() && !text.contains('\''));
        prop_assert_eq!(parse(text.as_bytes()), Ok(value));
    }

    #[test]
    fn the_canonical_form_is_the_librarys(value in prop_oneof![any_value(), plain_value()]) {
        prop_assert_eq!(canonical(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
    }

    /// As it is made, and as it comes back from where it was stored.
    #[test]
    fn a_text_keeps_its_value_and_its_canonical_form(value in prop_oneof![any_value(), plain_value()]) {
        let made = JsonText::of(&value);
        let stored = JsonText::from_cell(made.to_cell()).unwrap();
        prop_assert_eq!(made.clone().take_cell(), Cell::Text(value.to_string().into()));
        for text in [&made, &stored] {
            prop_assert_eq!(text.value(), value.clone());
            prop_assert_eq!(text.canonical().into_owned(), canonical(&value));
            prop_assert_eq!(serde_json::to_value(text).unwrap(), value.clone());
        }
        prop_assert_eq!(made, stored);
    }

    #[test]
    fn the_canonical_form_is_its_own_canonical_form(value in any_value()) {
        let once = canonical(&value);
        // A double may be written as a whole number beyond i64, which `parse` refuses.
        let again: Value = serde_json::from_slice(&once).unwrap();
        prop_assert_eq!(canonical(&again), once);
    }
}

#[test]
fn a_document_says_how_much_memory_it_takes() {
    let bytes = |value: Value| Json::from(value).bytes();
    assert_eq!(bytes(json!(null)), 48);
    assert_eq!(bytes(json!(["xyz", 1])), 3 * 48 + 3);
    assert_eq!(bytes(json!({ "ab": { "c": true } })), 5 * 48 + 3);
}
