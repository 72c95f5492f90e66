//! What a platform does with a request, without the network: check it, record it, apply it once, answer it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use http::request::Parts;
use kyc_core::limits::OUTBOUND_ANSWER_BYTES_MAX;
use serde_json::{Value, json};
use uuid::Uuid;

use super::behaviour::{Behaviour, Mood};
use super::call::{self, Asked, Breach, Call, KEY_HEADER};
use super::player::{Player, PlayerStatus};
use super::received::{CallKind, Log, Received, UNANSWERED};
use crate::server::{BodyFault, Reaction, Reply};

/// Most idempotency keys that are remembered; older ones are forgotten.
const KEYS_MAX: usize = 100_000;

/// A call that was taken, to recognise it when it comes again.
#[derive(Debug)]
struct Taken {
    kind: CallKind,
    body: Value,
    answer: Value,
}

/// The platform's state.
pub(crate) struct Desk {
    secrets: Vec<String>,
    mood: Mood,
    moods: HashMap<String, Mood>,
    pub(crate) players: BTreeMap<String, Player>,
    taken: HashMap<Uuid, Taken>,
    keys: VecDeque<Uuid>,
    accepted: u64,
    pub(crate) log: Log,
}

impl Desk {
    pub(crate) fn new(secrets: Vec<String>, behaviour: Behaviour) -> Self {
        Self {
            secrets,
            mood: Mood::new(behaviour),
            moods: HashMap::new(),
            players: BTreeMap::new(),
            taken: HashMap::new(),
            keys: VecDeque::new(),
            accepted: 0,
            log: Log::default(),
        }
    }

    pub(crate) fn behave(&mut self, behaviour: Behaviour) {
        self.mood = Mood::new(behaviour);
    }

    pub(crate) fn behave_for(&mut self, player: &str, behaviour: Option<Behaviour>) {
        match behaviour {
            Some(behaviour) => self.moods.insert(player.to_owned(), Mood::new(behaviour)),
            None => self.moods.remove(player),
        };
    }

    /// Decides on a request and records it.
    pub(crate) fn take(&mut self, parts: &Parts, body: Result<Bytes, BodyFault>, now: i64) -> Reaction {
        let mut record = blank(parts, body.as_deref().unwrap_or_default(), now);
        let reaction = match self.judge(parts, body, now, &mut record) {
            Ok(call) => self.treat(&call, now, &mut record),
            Err(breach) => refused(&breach),
        };
        record.answered = match &reaction {
            Reaction::Reply(reply) => reply.status,
            Reaction::Hang | Reaction::Drop => UNANSWERED,
        };
        self.log.push(record);
        reaction
    }

    fn judge(
        &self,
        parts: &Parts,
        body: Result<Bytes, BodyFault>,
        now: i64,
        record: &mut Received,
    ) -> Result<Call, Breach> {
        let (kind, segment) = call::route(parts)?;
        record.kind = kind;
        let body = call::check_body(body)?;
        call::check_signature(&parts.headers, &self.secrets, &body, now)?;
        record.signature_ok = true;
        let call = match kind {
            CallKind::Lookup => call::lookup(segment)?,
            _ => call::post(kind, &parts.headers, &body)?,
        };
        record.player_external_id = Some(call.player.clone());
        Ok(call)
    }

    fn treat(&mut self, call: &Call, now: i64, record: &mut Received) -> Reaction {
        let mood = self.moods.get_mut(&call.player).unwrap_or(&mut self.mood);
        let behaviour = mood.next();
        let known = call.key.and_then(|key| self.taken.get(&key));
        record.first_time = known.is_none();
        if known.is_some_and(|known| known.kind != record.kind || known.body != record.body) {
            return refused(&Breach::new(
                409,
                "CONFLICT",
                "this idempotency key came with another body before",
            ));
        }
        match behaviour {
            Behaviour::Hang => return Reaction::Hang,
            // What was taken once is not refused when it comes again.
            Behaviour::Refuse { code, message } if known.is_none() => {
                return reply(200, &json!({ "ok": false, "code": code, "message": message }));
            }
            Behaviour::Status(status, retry_after) if !(200..300).contains(&status) => {
                let breach = Breach::new(status, "SIMULATED", "this platform was told to answer so");
                return with_retry_after(refused(&breach), retry_after);
            }
            _ => {}
        }
        let (status, answer) = match known {
            Some(known) => (200, known.answer.clone()),
            None => self.apply(call, now, record),
        };
        match behaviour {
            Behaviour::Mute => Reaction::Hang,
            Behaviour::Drop => Reaction::Drop,
            Behaviour::Garbage => Reaction::Reply(Reply {
                status: 200,
                headers: vec![("content-type", "text/html".to_owned())],
                body: Bytes::from_static(b"<html>It works!</html>"),
            }),
            Behaviour::TooLong => padded(status, answer),
            Behaviour::Status(status, retry_after) => with_retry_after(empty(status), retry_after),
            _ => reply(status, &answer),
        }
    }

    /// Applies a call that is new, and gives the answer to it.
    fn apply(&mut self, call: &Call, now: i64, record: &mut Received) -> (u16, Value) {
        let current = self.players.get(&call.player).copied();
        let answer = match call.asked {
            Asked::Lookup => {
                let unknown = Breach::new(404, "NOT_FOUND", "this platform does not know the player");
                return current.map_or_else(|| (404, error(&unknown)), |player| (200, player.to_json()));
            }
            Asked::Initiate { level } => {
                if !current.is_some_and(|player| player.is_verified_at(level)) {
                    self.set(&call.player, PlayerStatus::Pending, level, now);
                }
                self.accepted += 1;
                json!({ "ok": true, "provider_ref": format!("sim-{}", self.accepted) })
            }
            Asked::Update { status, level } => {
                self.set(&call.player, status, level, now);
                json!({ "ok": true })
            }
        };
        record.applied = self.players.get(&call.player).copied() != current;
        if let Some(key) = call.key {
            self.remember(key, record, answer.clone());
        }
        (200, answer)
    }

    /// Sets where a player stands.
    pub(crate) fn set(&mut self, player: &str, status: PlayerStatus, level: u8, now: i64) {
        let state = Player {
            status,
            level,
            last_updated: now,
        };
        self.players.insert(player.to_owned(), state);
    }

    fn remember(&mut self, key: Uuid, record: &Received, answer: Value) {
        if self.keys.len() >= KEYS_MAX
            && let Some(oldest) = self.keys.pop_front()
        {
            self.taken.remove(&oldest);
        }
        self.keys.push_back(key);
        let taken = Taken {
            kind: record.kind,
            body: record.body.clone(),
            answer,
        };
        self.taken.insert(key, taken);
    }
}

/// The record of a request before anything is known of it.
fn blank(parts: &Parts, body: &[u8], now: i64) -> Received {
    let body = match body {
        [] => Value::Null,
        body => serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into()),
    };
    let player = body.get("player_external_id").and_then(Value::as_str);
    Received {
        at: now,
        kind: CallKind::Other,
        path: parts.uri.path().to_owned(),
        idempotency_key: call::text(&parts.headers, KEY_HEADER).map(str::to_owned),
        player_external_id: player.map(str::to_owned),
        body,
        answered: UNANSWERED,
        first_time: true,
        applied: false,
        signature_ok: false,
    }
}

fn error(breach: &Breach) -> Value {
    json!({ "error": { "code": breach.code, "message": breach.message } })
}

fn refused(breach: &Breach) -> Reaction {
    reply(breach.status, &error(breach))
}

fn reply(status: u16, body: &Value) -> Reaction {
    Reaction::Reply(Reply {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string().into(),
    })
}

fn empty(status: u16) -> Reaction {
    Reaction::Reply(Reply {
        status,
        headers: Vec::new(),
        body: Bytes::new(),
    })
}

fn with_retry_after(mut reaction: Reaction, retry_after: Option<String>) -> Reaction {
    if let Reaction::Reply(reply) = &mut reaction {
        reply.headers.extend(retry_after.map(|after| ("retry-after", after)));
    }
    reaction
}

/// The right answer, but one byte longer than a CRM reads.
fn padded(status: u16, mut answer: Value) -> Reaction {
    let padded = |answer: &mut Value, length| {
        if let Some(members) = answer.as_object_mut() {
            members.insert("padding".to_owned(), "x".repeat(length).into());
        }
        answer.to_string().len()
    };
    let bare = padded(&mut answer, 0);
    padded(&mut answer, (OUTBOUND_ANSWER_BYTES_MAX + 1).saturating_sub(bare));
    reply(status, &answer)
}
