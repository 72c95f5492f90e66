//! Which query texts become which values, and which are refused.

use serde_json::json;

use super::*;

fn query(text: &[(&str, &str)]) -> Result<Value, Vec<String>> {
    let pairs = text.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let read = Compiled::of::<AddStep>().from_query(pairs);
    read.map(Value::Object).map_err(|problems| listed(&problems))
}

/// What is wrong with a query, once it is read and checked.
fn wrong(text: &[(&str, &str)]) -> Vec<String> {
    let Ok(Value::Object(members)) = query(text) else {
        panic!("the query is read");
    };
    listed(&Compiled::of::<AddStep>().check(&members))
}

#[test]
fn a_query_is_read_by_the_types_of_the_schema() {
    assert_eq!(
        query(&[
            ("customer_id", "-5"),
            ("code", "5"),
            ("level", "0"),
            ("status", "true"),
            ("required", "true"),
            ("ratio", "1.5"),
            ("form", "{}"),
            ("other", "1"),
            ("name", ""),
        ]),
        Ok(json!({
            "customer_id": -5, "code": "5", "level": 0, "status": "true",
            "required": true, "ratio": 1.5, "form": "{}", "other": "1", "name": "",
        }))
    );
    assert_eq!(query(&[("ratio", "5")]), Ok(json!({"ratio": 5})));
    assert_eq!(
        query(&[("customer_id", "9223372036854775807")]),
        Ok(json!({"customer_id": i64::MAX}))
    );
}

#[test]
fn a_query_value_that_is_no_such_number_is_a_problem() {
    for text in [
        "",
        "+5",
        "5.0",
        " 5",
        "5 ",
        "05",
        "-0",
        "0x5",
        "1e3",
        "٥",
        "null",
        "9223372036854775808",
    ] {
        let expected = "level type must be an integer".to_owned();
        assert!(wrong(&[("level", text)]).contains(&expected), "{text}");
    }
    for text in ["", "+5", " 5", ".5", "NaN", "1e999", "true"] {
        let expected = "ratio type must be a number".to_owned();
        assert!(wrong(&[("ratio", text)]).contains(&expected), "{text}");
    }
    for text in ["", "1", "TRUE", " true"] {
        let expected = "required type must be true or false".to_owned();
        assert!(wrong(&[("required", text)]).contains(&expected), "{text}");
    }
}

#[test]
fn a_query_names_a_member_once() {
    assert_eq!(
        query(&[("level", "x"), ("code", "a"), ("code", "a"), ("level", "1")]),
        Err(vec![
            "code repeated is given more than once".to_owned(),
            "level repeated is given more than once".to_owned(),
        ])
    );
}
