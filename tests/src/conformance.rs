//! One set of stories for every way to reach the commands: what a story's requests are answered must not depend on
//! whether they came to the application itself, over TCP or over REST.
//!
//! A story is a file of `tests/cases`: requests in their order, each by a command's name with its `data`, who asks,
//! an optional idempotency key, and the reply that is expected. What no story can know (ids, times, hashes, cursors,
//! secrets) stands in it by name: see [`names`]. `UPDATE_EXPECT=1 cargo test -p kyc-tests --test conformance` writes
//! what the application answers into the files; read the difference before it is kept.
//!
//! Three entries are no commands: `upload` stores a file, `download` asks for one or for a `range` of it, and `webhook`
//! tells a tenant what its platform tells, signed with the secret that stands in place of who asks. An entry with `"when": "calls_ended"` is asked when no call to a
//! platform waits any more.

pub mod app;
pub mod matrix;
pub mod names;
pub mod story;
pub mod wire;

use kyc_core::command::Command;
use kyc_core::signature::sign;
use serde_json::{Map, Value, json};

use names::Names;
use story::{Asked, Entry, Story};

/// A way to reach the commands.
pub trait Runner {
    /// Its name in `not_over`.
    fn name(&self) -> &'static str;
    /// Its clock, in Unix seconds.
    fn now(&self) -> i64;
    /// A token with these claims.
    fn token(&self, claims: &Value) -> String;
    /// Makes a request; `None` when this way cannot carry it.
    fn call(&mut self, request: &Request) -> Option<Reply>;
    /// Stores a file.
    fn upload(&mut self, upload: &Upload) -> Reply;
    /// Asks for a file.
    fn download(&mut self, download: &Download) -> Reply;
    /// Tells a tenant what its platform tells.
    fn webhook(&mut self, webhook: &Webhook) -> Reply;
    /// Waits until no call to a brand's platform waits.
    fn end_calls(&mut self, brand: &str);
}

/// A request as it is made, with all names filled in.
#[derive(Debug, Clone)]
pub struct Request {
    /// The command.
    pub command: &'static Command,
    /// Its members.
    pub data: Map<String, Value>,
    /// Who asks.
    pub token: Option<String>,
    /// The idempotency key.
    pub key: Option<String>,
}

/// A file to store.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Who stores it.
    pub token: Option<String>,
    /// For whom, when a manager says so.
    pub owner: Option<(String, i64)>,
    /// Under which name.
    pub file_name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A file that is asked for.
#[derive(Debug, Clone)]
pub struct Download {
    /// Who asks.
    pub token: Option<String>,
    /// The file's id.
    pub file_id: String,
    /// Which bytes, as a `Range` header says it; all of them if absent.
    pub range: Option<String>,
}

/// What a file or a part of it is told as: what a client is told of it, and its bytes in hexadecimal digits.
pub fn told_file(content_type: &str, content_range: Option<&str>, bytes: &[u8]) -> Value {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    let content: String = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect();
    json!({ "content_type": content_type, "content_range": content_range, "content": content })
}

/// What a platform tells, signed.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Which tenant is told.
    pub slug: String,
    /// The body, byte by byte.
    pub body: Vec<u8>,
    /// When it was signed, and the signature; neither if nobody signed.
    pub signed: Option<(String, String)>,
}

/// What came back: the body is REST's, which is TCP's `data` or its error members.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// Plays a story; gives each request's reply with names for what varies, `None` where this way cannot carry it.
pub fn play(runner: &mut dyn Runner, story: &Story) -> Vec<Option<Reply>> {
    let mut names = Names::starting(runner.now());
    let entries = story.entries.iter();
    let replies = entries.map(|entry| {
        let reply = answer(runner, story, entry, &names)?;
        Some(Reply {
            status: reply.status,
            body: names.named(&reply.body),
        })
    });
    replies.collect()
}

/// Panics unless the replies are the story's: those that this way cannot carry are missing, and no others.
pub fn check(runner: &dyn Runner, story: &Story, replies: &[Option<Reply>]) {
    let told = |reply: &Option<Reply>| match reply {
        Some(reply) => format!("{} {}", reply.status, reply.body),
        None => "nothing, for it cannot be asked".to_owned(),
    };
    let mut wrong = Vec::new();
    for (number, (entry, reply)) in story.entries.iter().zip(replies).enumerate() {
        let excused = entry.not_over.iter().any(|way| way == runner.name());
        let expected = if excused { &None } else { &entry.reply };
        if reply != expected || !excused && reply.is_none() {
            let at = format!("{} {}: {} as {}", story.name(), number + 1, entry.command, entry.who);
            wrong.push(format!(
                "{at}\n  expected {}\n  got      {}",
                told(expected),
                told(reply)
            ));
        }
    }
    assert!(wrong.is_empty(), "over {}:\n{}", runner.name(), wrong.join("\n"));
}

fn answer(runner: &mut dyn Runner, story: &Story, entry: &Entry, names: &Names) -> Option<Reply> {
    let Value::Object(data) = names.filled(&Value::Object(entry.data.clone())) else {
        unreachable!("an object stays one");
    };
    if entry.after_calls {
        runner.end_calls(&story.brand);
    }
    match entry.asked() {
        Asked::Command(command) => runner.call(&Request {
            command,
            data,
            token: token(runner, &entry.who, &story.brand),
            key: entry.key.clone(),
        }),
        Asked::Upload => {
            let token = token(runner, &entry.who, &story.brand);
            Some(runner.upload(&upload(token, &data)))
        }
        Asked::Download => {
            let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
            Some(runner.download(&Download {
                token: token(runner, &entry.who, &story.brand),
                file_id: text("file_id").expect("a file's id"),
                range: text("range"),
            }))
        }
        Asked::Webhook => {
            let secret = secret(&entry.who, names);
            Some(runner.webhook(&webhook(secret.as_deref(), &data, runner.now())))
        }
    }
}

/// The secret that signs a webhook: one that a tenant was given, one that none was, or none at all.
fn secret(who: &str, names: &Names) -> Option<String> {
    match who {
        "none" => None,
        "forged" => Some("a secret of no tenant".to_owned()),
        name => {
            let secret = names.filled(&Value::from(name));
            Some(secret.as_str().expect("a secret is text").to_owned())
        }
    }
}

fn webhook(secret: Option<&str>, data: &Map<String, Value>, now: i64) -> Webhook {
    let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
    let body = text("text").or_else(|| data.get("body").map(Value::to_string));
    let body = body.expect("a webhook has a body, or a text that is none").into_bytes();
    let timestamp = now.to_string();
    Webhook {
        slug: text("slug").expect("a slug"),
        signed: secret.map(|secret| (timestamp.clone(), sign(secret, &timestamp, &body))),
        body,
    }
}

/// The token of a role of the stories; none for `none`.
pub fn token(runner: &dyn Runner, who: &str, brand: &str) -> Option<String> {
    let staff = |role: i64, sub: &str| json!({ "role": role, "sub": sub, "brands": [brand] });
    let customer = |id: i64| json!({ "role": 9, "sub": format!("customer-{id}"), "brand": brand, "customer_id": id });
    let mut claims = match who {
        "none" => return None,
        "forged" => return Some("eyJhbGciOiJub25lIn0.eyJyb2xlIjozfQ.".to_owned()),
        "manager" | "expired" => staff(1, "mary"),
        "dealer" => staff(2, "dan"),
        "admin" => staff(3, "adam"),
        "crm_manager" => staff(10, "carla"),
        "crm_admin" => staff(11, "chris"),
        "user" => staff(0, "ulf"),
        "fix" => staff(5, "fix"),
        "stranger" => json!({ "role": 3, "sub": "stan", "brands": ["elsewhere"] }),
        "customer" => customer(1001),
        "other_customer" => customer(1002),
        other => panic!("nobody is called `{other}` in the stories"),
    };
    let left = if who == "expired" { -1 } else { 3_600 };
    claims["exp"] = (runner.now() + left).into();
    Some(runner.token(&claims))
}

fn upload(token: Option<String>, data: &Map<String, Value>) -> Upload {
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let owner = text("brand").zip(data.get("customer_id").and_then(Value::as_i64));
    Upload {
        token,
        owner: owner.map(|(brand, id)| (brand.to_owned(), id)),
        file_name: text("file_name").expect("a file name").to_owned(),
        bytes: sample(text("sample").expect("what is in the file")),
    }
}

/// The smallest PNG there is: one pixel.
pub const PIXEL_PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6,
    0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0,
    0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

fn sample(name: &str) -> Vec<u8> {
    match name {
        "png" => PIXEL_PNG.to_vec(),
        "pdf" => b"%PDF-1.7\nan invented bill\nstartxref\n9\n%%EOF\n".to_vec(),
        "empty" => Vec::new(),
        other => panic!("there is no sample `{other}`"),
    }
}
