//! The schema in the form that the check walks over: each schema object read once into a
//! [`Node`], patterns compiled on first use, references kept by name.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::BitOr;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::{Map, Number, Value};

/// Keywords that describe and do not constrain. (`format` does bound integers.)
pub(super) const ANNOTATIONS: [&str; 8] = [
    "description",
    "title",
    "default",
    "examples",
    "format",
    "deprecated",
    "$schema",
    "$defs",
];

/// How many references in a row are followed before they count as a circle.
const REFERENCES_MAX: usize = 8;

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const STRING: Self = Self(1 << 1);
    pub(super) const INTEGER: Self = Self(1 << 2);
    pub(super) const NUMBER: Self = Self(1 << 3);
    pub(super) const BOOLEAN: Self = Self(1 << 4);
    pub(super) const OBJECT: Self = Self(1 << 5);
    pub(super) const ARRAY: Self = Self(1 << 6);
    pub(super) const ALL: Self = Self(0x7f);

    /// By the name that JSON Schema gives it.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::NULL,
            "string" => Self::STRING,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "boolean" => Self::BOOLEAN,
            "object" => Self::OBJECT,
            "array" => Self::ARRAY,
            _ => return None,
        })
    }

    /// The kinds that a value is of. A number with a fraction part, even `5.0`, is no integer:
    /// serde would not read it as one.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.is_f64() => Self::NUMBER,
            Value::Number(_) => Self::INTEGER | Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// The one kind that an option is meant as: a whole number is an integer, not any number.
    pub(super) fn named_by(option: &Value) -> Self {
        match Self::of(option) {
            kinds if kinds.allows(Self::INTEGER) => Self::INTEGER,
            kind => kind,
        }
    }

    /// Whether the two sets share a kind.
    pub(super) fn allows(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The same, but for a set that says nothing (every kind).
    pub(super) fn typed_and_allows(self, other: Self) -> bool {
        self != Self::ALL && self.allows(other)
    }

    /// The kinds in both sets; an integer is a number.
    fn and(self, other: Self) -> Self {
        let wide = |kinds: Self| {
            if kinds.allows(Self::NUMBER) {
                kinds | Self::INTEGER
            } else {
                kinds
            }
        };
        Self(wide(self).0 & wide(other).0)
    }

    /// `must be a string or an integer`; null is not offered beside anything else.
    pub(super) fn message(self) -> String {
        let names = [
            (Self::STRING, "a string"),
            (Self::INTEGER, "an integer"),
            (Self::NUMBER, "a number"),
            (Self::BOOLEAN, "true or false"),
            (Self::OBJECT, "an object"),
            (Self::ARRAY, "a list"),
        ];
        let offered: Vec<&str> = names
            .into_iter()
            .filter(|(kind, _)| self.allows(*kind))
            .filter(|(kind, _)| *kind != Self::INTEGER || !self.allows(Self::NUMBER))
            .map(|(_, name)| name)
            .collect();
        if offered.is_empty() {
            return "must be null".to_owned();
        }
        format!("must be {}", offered.join(" or "))
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One schema object. An absent keyword allows everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// The schema `false`, or a reference to nothing.
    pub(super) never: bool,
    pub(super) reference: Option<String>,
    /// It refers, and says nothing beside that.
    only_refers: bool,
    pub(super) kinds: Option<Kinds>,
    pub(super) minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) length_min: Option<u64>,
    pub(super) length_max: Option<u64>,
    pub(super) items_min: Option<u64>,
    pub(super) items_max: Option<u64>,
    pub(super) pattern: Option<Pattern>,
    /// `enum`, and `const` as one of one.
    pub(super) options: Option<Vec<Value>>,
    pub(super) members: BTreeMap<String, Node>,
    pub(super) required: BTreeSet<String>,
    /// What members that are not named must be.
    pub(super) rest: Option<Box<Node>>,
    pub(super) items: Option<Box<Node>>,
    /// `anyOf` and `oneOf`: of each list one branch must fit.
    pub(super) unions: Vec<Vec<Node>>,
}

/// A pattern, compiled when it is first asked: most of a table's are not in the life of a component.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) source: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            regex: OnceLock::new(),
        }
    }

    /// Whether a text matches; none does if the pattern does not compile.
    pub(super) fn is_match(&self, text: &str) -> bool {
        let regex = self.regex.get_or_init(|| Regex::new(&self.source).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

impl Node {
    pub(super) fn new(schema: &Value) -> Self {
        match schema {
            Value::Object(keywords) => Self::from_keywords(keywords),
            Value::Bool(true) => Self::default(),
            _ => Self {
                never: true,
                ..Self::default()
            },
        }
    }

    fn from_keywords(keywords: &Map<String, Value>) -> Self {
        let number = |name: &str| keywords.get(name).and_then(Value::as_number).cloned();
        let count = |name: &str| keywords.get(name).and_then(Value::as_u64);
        let boxed = |name: &str| keywords.get(name).map(|schema| Box::new(Self::new(schema)));
        let list = |name: &str| keywords.get(name).and_then(Value::as_array);
        let (format_min, format_max) = integer_format(keywords);
        let says_more = |name: &String| name != "$ref" && !ANNOTATIONS.contains(&name.as_str());
        Self {
            never: false,
            reference: keywords.get("$ref").and_then(Value::as_str).map(str::to_owned),
            only_refers: !keywords.keys().any(says_more),
            kinds: kinds(keywords.get("type")),
            minimum: number("minimum").or(format_min),
            maximum: number("maximum").or(format_max),
            length_min: count("minLength"),
            length_max: count("maxLength"),
            items_min: count("minItems"),
            items_max: count("maxItems"),
            pattern: keywords.get("pattern").and_then(Value::as_str).map(Pattern::new),
            options: keywords
                .get("const")
                .map(|only| vec![only.clone()])
                .or_else(|| list("enum").cloned()),
            members: nodes(keywords.get("properties")),
            required: list("required")
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            rest: boxed("additionalProperties"),
            items: boxed("items"),
            unions: ["anyOf", "oneOf"]
                .into_iter()
                .filter_map(list)
                .map(|branches| branches.iter().map(Self::new).collect())
                .collect(),
        }
    }
}

fn nodes(schemas: Option<&Value>) -> BTreeMap<String, Node> {
    let schemas = schemas.and_then(Value::as_object).into_iter().flatten();
    schemas
        .map(|(name, schema)| (name.clone(), Node::new(schema)))
        .collect()
}

fn kinds(value: Option<&Value>) -> Option<Kinds> {
    let one = |name: &Value| name.as_str().and_then(Kinds::named).unwrap_or(Kinds::NONE);
    Some(match value? {
        Value::Array(names) => names.iter().map(one).fold(Kinds::NONE, BitOr::bitor),
        name => one(name),
    })
}

/// The bounds that only `format` gives: schemars writes no `maximum` for 32 and 64 bits.
fn integer_format(keywords: &Map<String, Value>) -> (Option<Number>, Option<Number>) {
    let bounds = |min: i64, max: u64| (Some(min.into()), Some(max.into()));
    match keywords.get("format").and_then(Value::as_str) {
        Some("int8") => bounds(i8::MIN.into(), i8::MAX.unsigned_abs().into()),
        Some("int16") => bounds(i16::MIN.into(), i16::MAX.unsigned_abs().into()),
        Some("int32") => bounds(i32::MIN.into(), i32::MAX.unsigned_abs().into()),
        Some("int64") => bounds(i64::MIN, i64::MAX.unsigned_abs()),
        Some("uint8") => bounds(0, u8::MAX.into()),
        Some("uint16") => bounds(0, u16::MAX.into()),
        Some("uint32") => bounds(0, u32::MAX.into()),
        Some("uint64") => bounds(0, u64::MAX),
        _ => (None, None),
    }
}

/// The whole document: the root and what it may refer to.
#[derive(Debug, Clone)]
pub(super) struct Defs {
    pub(super) root: Node,
    named: BTreeMap<String, Node>,
}

impl Defs {
    pub(super) fn new(schema: &Value) -> Self {
        Self {
            root: Node::new(schema),
            named: nodes(schema.get("$defs")),
        }
    }

    /// What a `$ref` names: `#` or `#/$defs/<name>`.
    pub(super) fn target(&self, reference: &str) -> Option<&Node> {
        if reference == "#" {
            return Some(&self.root);
        }
        let name = reference.strip_prefix("#/$defs/")?;
        self.named.get(&name.replace("~1", "/").replace("~0", "~"))
    }

    /// The node itself, or what it refers to in the end when it does nothing but refer.
    pub(super) fn resolve<'a>(&'a self, node: &'a Node) -> &'a Node {
        let mut found = node;
        for _ in 0..REFERENCES_MAX {
            match found.reference.as_deref().and_then(|reference| self.target(reference)) {
                Some(next) if found.only_refers => found = next,
                _ => break,
            }
        }
        found
    }

    /// The root's own member of this name.
    pub(super) fn member(&self, name: &str) -> Option<&Node> {
        self.resolve(&self.root).members.get(name)
    }

    /// The JSON types that a node allows, through references and alternatives.
    pub(super) fn kinds(&self, node: &Node) -> Kinds {
        self.kinds_within(node, REFERENCES_MAX)
    }

    fn kinds_within(&self, node: &Node, hops: usize) -> Kinds {
        let Some(hops) = hops.checked_sub(1) else {
            return Kinds::ALL;
        };
        let mut kinds = node.kinds.unwrap_or(Kinds::ALL);
        if let Some(target) = node.reference.as_deref().and_then(|name| self.target(name)) {
            kinds = kinds.and(self.kinds_within(target, hops));
        }
        for branches in &node.unions {
            let any = branches.iter().map(|branch| self.kinds_within(branch, hops));
            kinds = kinds.and(any.fold(Kinds::NONE, BitOr::bitor));
        }
        if let Some(options) = &node.options {
            kinds = kinds.and(options.iter().map(Kinds::named_by).fold(Kinds::NONE, BitOr::bitor));
        }
        kinds
    }
}
