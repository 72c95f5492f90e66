//! The files of `tests/cases`, read and written.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use kyc_core::command::Command;
use kyc_core::table;
use serde_json::{Map, Value};

use super::Reply;

/// Longest line that an object or a list is kept on.
const LINE_CHARS_MAX: usize = 118;
/// The one `when`.
const CALLS_ENDED: &str = "calls_ended";

/// A story.
#[derive(Debug)]
pub struct Story {
    path: PathBuf,
    about: String,
    /// The brand that it happens in; no other story's.
    pub brand: String,
    /// Its requests, in order.
    pub entries: Vec<Entry>,
}

/// A request and the reply that it must get.
#[derive(Debug)]
pub struct Entry {
    about: Option<String>,
    /// The command's name, `upload`, `download` or `webhook`.
    pub command: String,
    /// Who asks.
    pub who: String,
    /// Whether the calls to the platform have ended before.
    pub after_calls: bool,
    /// The idempotency key.
    pub key: Option<String>,
    /// The ways that cannot carry it.
    pub not_over: Vec<String>,
    /// Its members, with names for what varies.
    pub data: Map<String, Value>,
    /// The reply; `None` in a file that has not been completed.
    pub reply: Option<Reply>,
}

/// What an entry asks for.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// A command of the table.
    Command(&'static Command),
    /// To store a file.
    Upload,
    /// For a file.
    Download,
    /// To take a webhook.
    Webhook,
}

/// Every story, in the order of their names.
pub fn stories() -> Vec<Story> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
    let files = fs::read_dir(folder)
        .expect("the cases")
        .map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    files.sort();
    files.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Story {
    let text = fs::read_to_string(&path).expect("a case file");
    let story: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = |name: &str| {
        story[name]
            .as_str()
            .unwrap_or_else(|| panic!("{}: no {name}", path.display()))
    };
    let requests = story["requests"].as_array().expect("requests");
    Story {
        about: text("about").to_owned(),
        brand: text("brand").to_owned(),
        entries: requests.iter().map(entry).collect(),
        path,
    }
}

fn entry(entry: &Value) -> Entry {
    const MEMBERS: [&str; 9] = [
        "about", "command", "as", "when", "key", "not_over", "data", "status", "body",
    ];
    for name in entry.as_object().expect("an entry is an object").keys() {
        assert!(MEMBERS.contains(&name.as_str()), "an entry has no `{name}`: {entry}");
    }
    let text = |name: &str| entry[name].as_str().map(str::to_owned);
    let when = text("when");
    assert!(
        when.as_deref().is_none_or(|when| when == CALLS_ENDED),
        "`when` is `{CALLS_ENDED}`: {entry}"
    );
    let ways = entry["not_over"].as_array().into_iter().flatten();
    let reply = entry["status"].as_u64().map(|status| Reply {
        status: u16::try_from(status).expect("a status"),
        body: entry["body"].clone(),
    });
    Entry {
        about: text("about"),
        command: text("command").expect("a command"),
        who: text("as").expect("who asks"),
        after_calls: when.is_some(),
        key: text("key"),
        not_over: ways.map(|way| way.as_str().expect("a way").to_owned()).collect(),
        data: entry["data"].as_object().cloned().unwrap_or_default(),
        reply,
    }
}

impl Entry {
    /// What is asked for.
    ///
    /// # Panics
    /// If the table has no such command.
    pub fn asked(&self) -> Asked {
        match self.command.as_str() {
            "upload" => Asked::Upload,
            "download" => Asked::Download,
            "webhook" => Asked::Webhook,
            name => Asked::Command(table::command(name).unwrap_or_else(|| panic!("there is no command `{name}`"))),
        }
    }
}

impl Story {
    /// Its name: the file's.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Writes the file again, with these replies as the expected ones.
    pub fn accept(&self, replies: &[Option<Reply>]) {
        let entries: Vec<_> = self
            .entries
            .iter()
            .zip(replies)
            .map(|(entry, reply)| entry.text(reply.as_ref()))
            .collect();
        let text = format!(
            "{{\n  \"about\": {},\n  \"brand\": {},\n  \"requests\": [\n{}\n  ]\n}}\n",
            Value::from(self.about.as_str()),
            Value::from(self.brand.as_str()),
            entries.join(",\n"),
        );
        fs::write(&self.path, text).expect("the case file is written");
    }
}

impl Entry {
    fn text(&self, reply: Option<&Reply>) -> String {
        let mut head = Vec::new();
        if let Some(about) = &self.about {
            head.push(("about", Value::from(about.as_str())));
        }
        head.push(("command", self.command.as_str().into()));
        head.push(("as", self.who.as_str().into()));
        if self.after_calls {
            head.push(("when", CALLS_ENDED.into()));
        }
        if let Some(key) = &self.key {
            head.push(("key", key.as_str().into()));
        }
        if !self.not_over.is_empty() {
            head.push(("not_over", self.not_over.clone().into()));
        }
        head.push(("data", Value::Object(self.data.clone())));
        if let Some(reply) = reply {
            head.push(("status", reply.status.into()));
            head.push(("body", reply.body.clone()));
        }
        let members: Vec<_> = head
            .into_iter()
            .map(|(name, value)| format!("      \"{name}\": {}", text(&value, 6)))
            .collect();
        format!("    {{\n{}\n    }}", members.join(",\n"))
    }
}

/// On one line when it fits there, else a line for each member.
fn text(value: &Value, indent: usize) -> String {
    let line = line(value);
    // A member's name stands before it, a comma after it.
    if line.chars().count() + indent + 20 <= LINE_CHARS_MAX {
        return line;
    }
    let (open, close, parts): (_, _, Vec<String>) = match value {
        Value::Object(members) => {
            let part = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), text(value, indent + 2))
            };
            ('{', '}', members.iter().map(part).collect())
        }
        Value::Array(items) => ('[', ']', items.iter().map(|item| text(item, indent + 2)).collect()),
        _ => return line,
    };
    let mut out = String::from(open);
    for (at, part) in parts.iter().enumerate() {
        let comma = if at + 1 < parts.len() { "," } else { "" };
        let _ = write!(out, "\n{:width$}{part}{comma}", "", width = indent + 2);
    }
    let _ = write!(out, "\n{:indent$}{close}", "");
    out
}

fn line(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let part = |(name, value): (&String, &Value)| format!("{}: {}", Value::from(name.as_str()), line(value));
            format!("{{ {} }}", members.iter().map(part).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
