//! A platform in memory: it answers as it is told, and remembers what it was asked.

use std::sync::Mutex;

use async_trait::async_trait;
use kyc_ports::outbound::{Outbound, OutboundAnswer, OutboundError, OutboundRequest};

use crate::locked;

type Answer = Box<dyn FnMut(&OutboundRequest) -> Result<OutboundAnswer, OutboundError> + Send>;

/// A platform whose answers a test scripts.
pub struct ScriptedOutbound {
    answer: Mutex<Answer>,
    requests: Mutex<Vec<OutboundRequest>>,
}

impl std::fmt::Debug for ScriptedOutbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedOutbound")
    }
}

impl Default for ScriptedOutbound {
    /// A platform that takes everything.
    fn default() -> Self {
        Self {
            answer: Mutex::new(Box::new(|_| Ok(answer(200, "{\"ok\":true}")))),
            requests: Mutex::default(),
        }
    }
}

/// An answer with a status and a body.
pub fn answer(status: u16, body: &str) -> OutboundAnswer {
    OutboundAnswer {
        status,
        retry_after: None,
        body: body.as_bytes().to_vec(),
    }
}

impl ScriptedOutbound {
    /// Answers so from now on.
    pub fn answers(
        &self,
        answer: impl FnMut(&OutboundRequest) -> Result<OutboundAnswer, OutboundError> + Send + 'static,
    ) {
        *locked(&self.answer) = Box::new(answer);
    }

    /// What was asked since this was last looked at, in order.
    pub fn take_requests(&self) -> Vec<OutboundRequest> {
        std::mem::take(&mut *locked(&self.requests))
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Outbound for ScriptedOutbound {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, OutboundError> {
        let answer = locked(&self.answer)(&request);
        locked(&self.requests).push(request);
        answer
    }
}
