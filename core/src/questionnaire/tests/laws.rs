//! What holds for every form and every submission.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::super::{check_answers, check_form_schema, named_files};

/// A field without name and condition, an answer that fits it, and one that does not.
#[derive(Debug, Clone)]
struct Sample {
    field: Map<String, Value>,
    fitting: Value,
    wrong: Value,
}

fn sample(field: Value, fitting: Value, wrong: Value) -> Sample {
    let field = super::object(field);
    Sample { field, fitting, wrong }
}

fn samples() -> impl Strategy<Value = Sample> {
    prop_oneof![
        ("[a-zé]{1,9}", 9_usize..20).prop_map(|(text, max)| sample(
            json!({"type": "text", "max_length": max, "pattern": r"\w+"}),
            json!(text),
            json!("x".repeat(max + 1)),
        )),
        ".{0,50}[a-z]".prop_map(|text| sample(json!({"type": "textarea"}), json!(text), json!(1))),
        (1_i32..=9999, 1..=12, 1..=28).prop_map(|(year, month, day)| sample(
            json!({"type": "date"}),
            json!(format!("{year:04}-{month:02}-{day:02}")),
            json!(format!("{year:04}-{month:02}-{}", day + 31)),
        )),
        prop::sample::select(vec!["DE", "FR", "JP"]).prop_map(|code| sample(
            json!({"type": "country"}),
            json!(code),
            json!("ZZ")
        )),
        "[0-9a-f]{8}".prop_map(|id| sample(
            json!({"type": "file_reference"}),
            json!(format!("mine-{id}")),
            json!(id),
        )),
        (any::<i32>(), 0..1000_i64).prop_map(|(number, room)| {
            let number = i64::from(number);
            sample(
                json!({"type": "number", "min": number - room, "max": number + room}),
                json!(number),
                json!(number + room + 1),
            )
        }),
        any::<bool>().prop_map(|truth| sample(json!({"type": "boolean"}), json!(truth), json!("true"))),
        (1..20_usize, any::<Index>()).prop_map(|(count, index)| sample(
            json!({"type": "select", "options": (0..count).collect::<Vec<_>>()}),
            json!(index.index(count)),
            json!(count),
        )),
        prop::collection::btree_set(0..20, 1..5).prop_map(|chosen| {
            let repeated: Vec<_> = chosen.iter().chain(chosen.iter().take(1)).collect();
            sample(
                json!({"type": "multi_select", "options": (0..20).collect::<Vec<_>>()}),
                json!(chosen),
                json!(repeated),
            )
        }),
    ]
}

/// How a field depends on an earlier one, and so whether it is shown, known without evaluating.
#[derive(Debug, Clone)]
struct Dependency {
    on: Index,
    is_met: bool,
    form: u8,
}

fn dependencies() -> impl Strategy<Value = Option<Dependency>> {
    let dependency = (any::<Index>(), any::<bool>(), 0..3_u8);
    prop::option::of(dependency.prop_map(|(on, is_met, form)| Dependency { on, is_met, form }))
}

/// A condition on a field with the answer `known` (none: absent) that holds or not, as wished.
/// The second is whether it holds.
fn condition(name: &str, known: Option<&Value>, dependency: &Dependency) -> (Value, bool) {
    const NEVER: &str = "no answer is this";
    let known = match known {
        Some(Value::Array(selected)) => selected.first(),
        scalar => scalar,
    };
    let (wanted, others) = match (known, dependency.is_met) {
        (Some(known), true) => (known.clone(), json!(NEVER)),
        (Some(known), false) => (json!(NEVER), known.clone()),
        (None, _) => (json!(NEVER), json!(NEVER)),
    };
    let is_absent = known.is_none();
    match dependency.form {
        0 => (
            json!({"field": name, "equals": wanted}),
            dependency.is_met && !is_absent,
        ),
        1 => (
            json!({"field": name, "in": [NEVER, wanted]}),
            dependency.is_met && !is_absent,
        ),
        _ => (json!({"field": name, "not": others}), dependency.is_met || is_absent),
    }
}

/// A form, answers that fit it, and for each answer one that does not.
#[derive(Debug, Clone)]
struct Submission {
    schema: Value,
    answers: Map<String, Value>,
    wrong: Vec<(String, Value)>,
    required: Vec<String>,
}

type Plan = (Sample, bool, bool, Option<Dependency>);

fn submission(plans: Vec<Plan>, section_size: usize) -> Submission {
    let mut fields: Vec<Value> = Vec::new();
    let mut answers = Map::new();
    let (mut wrong, mut required) = (Vec::new(), Vec::new());
    for (number, (sample, is_required, is_answered, dependency)) in plans.into_iter().enumerate() {
        let name = format!("f{number}");
        let mut field = sample.field;
        field.insert("name".to_owned(), json!(name));
        field.insert("required".to_owned(), json!(is_required));
        let mut is_shown = true;
        if let Some(dependency) = dependency.filter(|_| number > 0) {
            let earlier = format!("f{}", dependency.on.index(number));
            let (condition, holds) = condition(&earlier, answers.get(&earlier), &dependency);
            field.insert("visible_if".to_owned(), condition);
            is_shown = holds;
        }
        if is_shown && (is_required || is_answered) {
            answers.insert(name.clone(), sample.fitting);
            wrong.push((name.clone(), sample.wrong));
        }
        if is_shown && is_required {
            required.push(name);
        }
        fields.push(Value::Object(field));
    }
    let sections: Vec<Value> = fields
        .chunks(section_size)
        .map(|fields| json!({"title": "a section", "fields": fields}))
        .collect();
    let schema = json!({"sections": sections});
    Submission {
        schema,
        answers,
        wrong,
        required,
    }
}

fn submissions() -> impl Strategy<Value = Submission> {
    let plan = (samples(), any::<bool>(), any::<bool>(), dependencies());
    (prop::collection::vec(plan, 1..20), 1..6_usize).prop_map(|(plans, section_size)| submission(plans, section_size))
}

fn is_mine(file_id: &str) -> bool {
    file_id.starts_with("mine-")
}

fn named_at_fault(submission: &Submission, answers: &Map<String, Value>, name: &str) -> bool {
    check_answers(&submission.schema, answers, &is_mine)
        .iter()
        .any(|problem| problem.field == format!("answers.{name}"))
}

/// JSON that often uses the words of a form, so that it gets deep into the rules.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "sections",
        "fields",
        "name",
        "type",
        "required",
        "options",
        "value",
        "label",
        "visible_if",
        "field",
        "equals",
        "in",
        "not",
        "pattern",
        "min",
        "max",
        "max_length",
        "a",
        "b",
        "text",
        "textarea",
        "date",
        "country",
        "number",
        "boolean",
        "select",
        "multi_select",
        "file_reference",
        "(",
        "a)|(b",
        "2024-02-30",
        "DE",
        "",
    ])
    .prop_map(str::to_owned);
    let text = prop_oneof![4 => word, 1 => any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn arbitrary_members() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![Just("a".to_owned()), Just("b".to_owned()), any::<String>()];
    prop::collection::vec((name, arbitrary_json()), 0..6).prop_map(|members| members.into_iter().collect())
}

/// A form whose frame is right and whose fields are anything.
fn almost_forms() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "text",
        "textarea",
        "date",
        "country",
        "number",
        "boolean",
        "select",
        "multi_select",
        "file_reference",
    ]);
    let rule = prop::sample::select(vec![
        "required",
        "options",
        "visible_if",
        "pattern",
        "min",
        "max",
        "max_length",
        "type",
        "label",
    ]);
    let rules = prop::collection::vec((rule, arbitrary_json()), 0..4);
    let field = (prop::sample::select(vec!["a", "b", "c"]), kind, rules).prop_map(|(name, kind, rules)| {
        let mut field = super::object(json!({"name": name, "type": kind}));
        field.extend(rules.into_iter().map(|(rule, value)| (rule.to_owned(), value)));
        Value::Object(field)
    });
    prop::collection::vec(field, 0..6).prop_map(|fields| super::form(&json!(fields)))
}

proptest! {
    #[test]
    fn any_json_gets_a_verdict(
        schema in prop_oneof![arbitrary_json(), almost_forms()],
        answers in arbitrary_members(),
    ) {
        check_form_schema(&schema);
        check_answers(&schema, &answers, &is_mine);
        named_files(&schema, &answers);
    }

    #[test]
    fn any_text_is_a_pattern_or_refused(pattern in any::<String>(), answer in any::<String>()) {
        let schema = super::form(&json!([{"name": "a", "type": "text", "pattern": pattern}]));
        let refused = !check_form_schema(&schema).is_empty();
        let verdict = super::check(&schema, json!({"a": answer}));
        prop_assert!(!refused || !verdict.is_empty());
    }

    #[test]
    fn fitting_answers_are_accepted(submission in submissions()) {
        prop_assert_eq!(check_form_schema(&submission.schema), []);
        prop_assert_eq!(check_answers(&submission.schema, &submission.answers, &is_mine), []);
    }

    #[test]
    fn one_wrong_answer_is_refused_by_name(submission in submissions(), which in any::<Index>()) {
        prop_assume!(!submission.wrong.is_empty());
        let (name, wrong) = which.get(&submission.wrong);
        for wrong in [wrong.clone(), json!({})] {
            let mut answers = submission.answers.clone();
            answers.insert(name.clone(), wrong);
            prop_assert!(named_at_fault(&submission, &answers, name));
        }
    }

    #[test]
    fn a_missing_required_answer_is_named(submission in submissions(), which in any::<Index>()) {
        prop_assume!(!submission.required.is_empty());
        let name = which.get(&submission.required);
        let mut answers = submission.answers.clone();
        answers.remove(name);
        prop_assert!(named_at_fault(&submission, &answers, name));
    }

    #[test]
    fn only_files_that_are_asked_for_are_looked_up(submission in submissions()) {
        let named = named_files(&submission.schema, &submission.answers);
        let knows = |file_id: &str| named.iter().any(|name| name == file_id);
        prop_assert_eq!(check_answers(&submission.schema, &submission.answers, &knows), []);
    }
}
