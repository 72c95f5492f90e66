//! Alternatives (`anyOf`, `oneOf`): finding the branch that the sender meant, so that the
//! problems are about that one.
//!
//! The branches of our types exclude each other, so "exactly one" is not checked beside "one".

use serde_json::Value;

use super::schema::{Kinds, Node};
use super::walk::{Path, Walk};

/// How deep alternatives that have to be tried may lie in each other: every level multiplies the
/// work by the number of alternatives. (Those with a tag are not tried, and may nest freely.)
pub(super) const TRIALS_DEEP_MAX: usize = 4;

/// What the branches have in common, once those of another JSON type are put aside.
enum Choice<'a> {
    /// No branch allows the value's type.
    None,
    One(&'a Node),
    /// Plain values: an enum with documented variants.
    Options(Vec<&'a Value>),
    /// Objects told apart by the value of this member.
    Tag(&'a str, Vec<&'a Node>),
    /// Nothing; they have to be tried.
    Any(Vec<&'a Node>),
}

impl<'a> Walk<'a> {
    /// The problems of the value with a list of alternatives.
    pub(super) fn union(&mut self, branches: &'a [Node], path: &Path<'_>, value: &Value) {
        match self.choice(branches, value) {
            Choice::None => {
                let kinds = branches.iter().map(|branch| self.defs.kinds(branch));
                let kinds = kinds.fold(Kinds::NONE, |all, kinds| all | kinds);
                self.wrong_kind(kinds, path, value);
            }
            Choice::One(branch) => self.value(branch, path, value),
            Choice::Options(options) => {
                if !options.contains(&value) {
                    self.not_an_option(options, path, value);
                }
            }
            Choice::Tag(tag, branches) => self.tagged(tag, &branches, path, value),
            Choice::Any(branches) => self.nearest(branches, path, value),
        }
    }

    /// The branch that a value which passed the check belongs to.
    pub(super) fn fitting(&mut self, branches: &'a [Node], value: &Value) -> Option<&'a Node> {
        match self.choice(branches, value) {
            Choice::None | Choice::Options(_) => None,
            Choice::One(branch) => Some(branch),
            Choice::Tag(tag, branches) => {
                let said = value.get(tag)?;
                branches
                    .into_iter()
                    .find(|branch| tag_values(branch, tag).contains(said))
            }
            Choice::Any(branches) => branches.into_iter().find(|branch| {
                self.problems.clear();
                self.value(branch, &Path::Root, value);
                self.problems.is_empty()
            }),
        }
    }

    fn choice(&self, branches: &'a [Node], value: &Value) -> Choice<'a> {
        let kinds = Kinds::of(value);
        let mut fitting: Vec<&Node> = branches
            .iter()
            .filter(|branch| self.defs.kinds(branch).allows(kinds))
            .map(|branch| self.defs.resolve(branch))
            .collect();
        if fitting.len() < 2 {
            return fitting.pop().map_or(Choice::None, Choice::One);
        }
        let options: Option<Vec<&Vec<Value>>> = fitting.iter().map(|branch| only_options(branch)).collect();
        if let Some(options) = options {
            return Choice::Options(options.into_iter().flatten().collect());
        }
        match common_tag(&fitting) {
            Some(tag) => Choice::Tag(tag, fitting),
            None => Choice::Any(fitting),
        }
    }

    fn tagged(&mut self, tag: &str, branches: &[&'a Node], path: &Path<'_>, value: &Value) {
        let at_tag = path.member(tag);
        let Some(said) = value.get(tag) else {
            self.problem(&at_tag, "required", "is required");
            return;
        };
        let meant = branches.iter().find(|branch| tag_values(branch, tag).contains(said));
        if let Some(branch) = meant {
            self.value(branch, path, value);
        } else {
            let known = branches.iter().flat_map(|branch| tag_values(branch, tag));
            self.not_an_option(known, &at_tag, said);
        }
    }

    /// No problem if one branch fits, else those of the branch with the fewest.
    fn nearest(&mut self, branches: Vec<&'a Node>, path: &Path<'_>, value: &Value) {
        if self.trials == TRIALS_DEEP_MAX {
            self.problem(path, "type", "is nested too deeply");
            return;
        }
        self.trials += 1;
        let before = std::mem::take(&mut self.problems);
        let mut nearest = None;
        for branch in branches {
            self.value(branch, path, value);
            let found = std::mem::take(&mut self.problems);
            if nearest
                .as_ref()
                .is_none_or(|fewest: &Vec<_>| found.len() < fewest.len())
            {
                nearest = Some(found);
            }
            if nearest.as_ref().is_some_and(Vec::is_empty) {
                break;
            }
        }
        self.trials -= 1;
        self.problems = before;
        self.problems.extend(nearest.unwrap_or_default());
        self.problems.truncate(super::PROBLEMS_MAX);
    }
}

/// The options of a branch that nothing else constrains.
fn only_options(branch: &Node) -> Option<&Vec<Value>> {
    let is_plain = branch.reference.is_none() && branch.unions.is_empty() && branch.pattern.is_none();
    branch.options.as_ref().filter(|_| is_plain)
}

/// A required member that has fixed values in every branch, as serde's `tag` makes it.
fn common_tag<'a>(branches: &[&'a Node]) -> Option<&'a str> {
    let (first, others) = branches.split_first()?;
    let is_tag = |branch: &Node, name: &str| branch.required.contains(name) && !tag_values(branch, name).is_empty();
    first
        .members
        .keys()
        .find(|name| is_tag(first, name) && others.iter().all(|other| is_tag(other, name)))
        .map(String::as_str)
}

fn tag_values<'a>(branch: &'a Node, tag: &str) -> &'a [Value] {
    branch
        .members
        .get(tag)
        .and_then(|member| member.options.as_deref())
        .unwrap_or_default()
}
