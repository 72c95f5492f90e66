//! The questionnaire of a step: what a `form_schema` may say, and which answers fit it.
//!
//! Reading order: [`check_form_schema`] judges a template's schema before it is saved,
//! [`named_files`] tells which files a submission names, so that the caller can look them up,
//! and [`check_answers`] judges the submission. Source: the seed's "Questionnaire Schema" and
//! the manager API's "`form_schema` and answers".
//!
//! ```json
//! {"sections": [{"title": "Identity", "visible_if": {"field": "…", "equals": "…"}, "fields": [
//!     {"name": "first_name", "type": "text", "required": true, "max_length": 100}
//! ]}]}
//! ```
//!
//! All three are pure and total: for any JSON they return and never panic, also for a schema
//! that [`check_form_schema`] refuses. A rule of such a schema that cannot be understood lets no
//! answer through. Members that we do not know are ignored.

mod answers;
mod condition;
mod field;
mod field_type;
mod pattern;
mod quote;
mod scalar;
mod schema;
mod size;
mod value;
mod visibility;

#[cfg(test)]
mod tests;

pub use answers::{check_answers, named_files};
pub use schema::check_form_schema;
