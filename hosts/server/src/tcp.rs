//! The TCP listener: JSON objects, each ended by `\r\n`, both ways, as known clients of the reference speak it.
//!
//! One task reads frames, and answers at once what is in memory: whatever has arrived together is answered together.
//! Requests that must wait go on side by side, a bounded number at once, and answer in any order. Another task writes
//! replies and events.

mod frame;
mod message;
mod outbox;
mod subscription;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kyc_core::command::{Accepted, Command};
use kyc_core::limits::FRAMES_IN_FLIGHT_MAX;
use kyc_core::rejection::Rejection;
use kyc_core::table;
use kyc_ports::app::{App, Reply, Request};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, ReadHalf};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::begun::{Begun, begin};
use crate::hub::Hub;
use crate::serve::Timeouts;
use crate::tcp::frame::{Frames, NoFrame};
use crate::tcp::message::{Message, Unreadable};
use crate::tcp::outbox::{Outbox, TOGETHER_BYTES};
use crate::tcp::subscription::Subscription;
use crate::telemetry::{OpenConnection, Requests};
use crate::tls::Io;

/// What is still read and thrown away after a frame that was too large, so that its answer arrives.
const DISCARD_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long that, and the closing of a connection, may take.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(2);

/// Serves accepted connections.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) app: App,
    pub(crate) hub: Hub,
    pub(crate) frame_bytes_max: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) stop: CancellationToken,
    pub(crate) requests: Arc<Requests>,
    /// Where requests go on that must wait.
    pub(crate) aside: Handle,
}

/// One connection.
struct Connection {
    app: App,
    outbox: Outbox,
    in_flight: Arc<Semaphore>,
    subscription: Subscription,
    requests: Arc<Requests>,
    aside: Handle,
}

/// What a frame is answered with.
struct Answered {
    ext_id: Value,
    result: Result<Reply, Rejection>,
}

impl Listener {
    /// Serves one connection until it ends, or the server stops and the requests under way are answered.
    pub(crate) async fn serve(self, io: Box<dyn Io>) {
        let _open = OpenConnection::count("tcp");
        let (reader, writer) = tokio::io::split(io);
        let (outbox, frames) = Outbox::new();
        let gone = CancellationToken::new();
        let writing = tokio::spawn(outbox::write(writer, frames, self.timeouts.stall, gone.clone()));
        let connection = Arc::new(Connection {
            app: self.app.clone(),
            outbox: outbox.clone(),
            in_flight: Arc::new(Semaphore::new(FRAMES_IN_FLIGHT_MAX)),
            subscription: Subscription::new(self.hub.clone(), outbox, gone.clone()),
            requests: self.requests.clone(),
            aside: self.aside.clone(),
        });
        self.read(reader, connection, &gone).await;
        // The writer ends when the last request under way has been answered.
        let _ = writing.await;
    }

    async fn read(&self, reader: ReadHalf<Box<dyn Io>>, connection: Arc<Connection>, gone: &CancellationToken) {
        let mut frames = Frames::new(reader, self.frame_bytes_max);
        // One of its own: it is asked with every frame, under a lock.
        let stop = self.stop.child_token();
        loop {
            let next = tokio::time::timeout(self.timeouts.idle, frames.next());
            let frame = tokio::select! {
                () = gone.cancelled() => break,
                () = stop.cancelled() => break,
                frame = next => frame,
            };
            match frame {
                Ok(Ok(frame)) => connection.answer_all(frame, &mut frames).await,
                // Whoever has subscribed may be silent, but not in the middle of a frame.
                Err(_) if connection.subscription.is_active() && frames.is_between_frames() => {}
                Ok(Err(NoFrame::TooLarge)) => {
                    let mut reply = Vec::new();
                    let rejection = Rejection::FrameTooLarge(self.frame_bytes_max);
                    message::refusal(&mut reply, &Value::Null, &rejection);
                    connection.outbox.send(reply).await;
                    connection.subscription.end();
                    drop(connection);
                    discard(frames.into_reader()).await;
                    return;
                }
                // The peer has closed, is silent, or broke off.
                Ok(Err(NoFrame::Ended)) | Err(_) => break,
            }
        }
        connection.subscription.end();
    }
}

impl Connection {
    /// Answers a frame and those that have arrived with it.
    async fn answer_all(self: &Arc<Self>, first: Bytes, frames: &mut Frames<impl AsyncRead + Unpin>) {
        let mut replies = Vec::new();
        let mut next = Some(first);
        while let Some(frame) = next {
            let Some(place) = self.place(&mut replies).await else {
                return;
            };
            let connection = self.clone();
            match begin(async move { connection.serve(frame).await }) {
                Begun::Done(answered) => answered.write_to(&mut replies),
                Begun::Waits(serving) => {
                    let connection = self.clone();
                    self.aside.spawn(async move {
                        let mut reply = Vec::new();
                        serving.await.write_to(&mut reply);
                        connection.outbox.send(reply).await;
                        drop(place);
                    });
                }
            }
            if replies.len() >= TOGETHER_BYTES {
                self.send(&mut replies).await;
            }
            // One that is too large is met again by whoever reads on.
            next = frames.arrived().unwrap_or_default();
        }
        self.send(&mut replies).await;
    }

    /// A place among the requests under way. While all are taken nothing is read, and what is ready goes out.
    async fn place(&self, replies: &mut Vec<u8>) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.in_flight.clone().try_acquire_owned() {
            return Some(place);
        }
        self.send(replies).await;
        self.in_flight.clone().acquire_owned().await.ok()
    }

    async fn send(&self, replies: &mut Vec<u8>) {
        if !replies.is_empty() {
            self.outbox.send(std::mem::take(replies)).await;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
    async fn serve(&self, frame: Bytes) -> Answered {
        let started = Instant::now();
        let read = message::read(&frame);
        drop(frame);
        let (command, answered) = match read {
            Ok(message) => {
                let command = table::command(&message.command);
                let ext_id = message.ext_id.clone();
                let result = self.answer(command, message).await;
                (command.map_or("", |command| command.name), Answered { ext_id, result })
            }
            Err(Unreadable { ext_id, rejection }) => {
                let result = Err(rejection);
                ("", Answered { ext_id, result })
            }
        };
        self.requests.count(command, answered.status(), started.elapsed());
        answered
    }

    async fn answer(&self, command: Option<&'static Command>, message: Message) -> Result<Reply, Rejection> {
        match message.command.as_str() {
            "Subscribe" => {
                let caller = self.app.authenticate(message.token.as_deref())?;
                self.subscription.add(&caller, &message.data)?;
                return Ok(Reply::of(&Accepted { accepted: true }));
            }
            "Unsubscribe" => {
                let caller = self.app.authenticate(message.token.as_deref())?;
                self.subscription.remove(&caller, &message.data)?;
                return Ok(Reply::of(&Accepted { accepted: true }));
            }
            _ => {}
        }
        let command = command.ok_or(Rejection::NotFound("command"))?;
        let Message {
            data,
            token,
            idempotency_key,
            ..
        } = message;
        self.app
            .call(Request {
                command,
                data,
                token,
                idempotency_key,
            })
            .await
    }
}

impl Answered {
    fn status(&self) -> u16 {
        self.result.as_ref().map_or_else(Rejection::status, |_| 200)
    }

    fn write_to(self, out: &mut Vec<u8>) {
        match self.result {
            Ok(reply) => message::success(out, &self.ext_id, reply),
            Err(rejection) => message::refusal(out, &self.ext_id, &rejection),
        }
    }
}

/// Reads on for a moment: closing at once would reset the connection, and the peer might never see the answer.
async fn discard(reader: ReadHalf<Box<dyn Io>>) {
    let mut rest = reader.take(DISCARD_BYTES_MAX);
    let _ = tokio::time::timeout(CLOSING_TIME_MAX, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}
