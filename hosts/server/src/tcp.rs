//! The TCP listener: JSON objects, each ended by `\r\n`, both ways, as known clients of the reference speak it.
//!
//! One task reads frames and starts their requests, one writes replies and events; requests of a connection run side
//! by side, a bounded number at once, and answer in any order.

mod frame;
mod message;
mod subscription;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kyc_core::limits::FRAMES_IN_FLIGHT_MAX;
use kyc_core::rejection::Rejection;
use kyc_core::table;
use kyc_ports::app::{App, Reply, Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::serve::Timeouts;
use crate::tcp::frame::{Frames, NoFrame};
use crate::tcp::message::{Message, Unreadable};
use crate::tcp::subscription::Subscription;
use crate::telemetry::{OpenConnection, count_request};
use crate::tls::Io;

/// Frames that may wait for the writer; a client that does not read is not buffered for beyond that,
const OUTBOX_MAX: usize = 256;
/// nor beyond so many bytes.
const OUTBOX_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What is still read and thrown away after a frame that was too large, so that its answer arrives.
const DISCARD_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long that may take.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(2);

/// Serves accepted connections.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) app: App,
    pub(crate) hub: Hub,
    pub(crate) frame_bytes_max: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) stop: CancellationToken,
}

/// One connection.
#[derive(Clone)]
struct Connection {
    app: App,
    outbox: Outbox,
    in_flight: Arc<Semaphore>,
    subscription: Subscription,
}

/// A frame that waits for the writer, and its share of the bytes that may.
struct Waiting {
    text: String,
    _bytes: OwnedSemaphorePermit,
}

/// Where replies and events wait for the writer.
#[derive(Clone)]
struct Outbox {
    frames: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
}

impl Outbox {
    fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (frames, waiting) = mpsc::channel(OUTBOX_MAX);
        (
            Self {
                frames,
                bytes: Arc::new(Semaphore::new(OUTBOX_BYTES_MAX)),
            },
            waiting,
        )
    }

    /// A frame's share: a larger one than all may wait alone.
    fn share(text: &str) -> u32 {
        u32::try_from(text.len().min(OUTBOX_BYTES_MAX)).unwrap_or(u32::MAX)
    }

    /// Waits for room. A frame for a writer that has gone is dropped.
    async fn send(&self, text: String) {
        if let Ok(bytes) = self.bytes.clone().acquire_many_owned(Self::share(&text)).await {
            let _ = self.frames.send(Waiting { text, _bytes: bytes }).await;
        }
    }

    /// Whether there was room.
    fn try_send(&self, text: String) -> bool {
        let bytes = self.bytes.clone().try_acquire_many_owned(Self::share(&text));
        bytes.is_ok_and(|bytes| self.frames.try_send(Waiting { text, _bytes: bytes }).is_ok())
    }
}

impl Listener {
    /// Serves one connection until it ends, or the server stops and the requests under way are answered.
    pub(crate) async fn serve(self, io: Box<dyn Io>) {
        let _open = OpenConnection::count("tcp");
        let (reader, writer) = tokio::io::split(io);
        let (outbox, frames) = Outbox::new();
        let gone = CancellationToken::new();
        let writing = tokio::spawn(write(writer, frames, self.timeouts.stall, gone.clone()));
        let connection = Connection {
            app: self.app.clone(),
            outbox: outbox.clone(),
            in_flight: Arc::new(Semaphore::new(FRAMES_IN_FLIGHT_MAX)),
            subscription: Subscription::new(self.hub.clone(), outbox, gone.clone()),
        };
        self.read(reader, connection, &gone).await;
        // The writer ends when the last request under way has been answered.
        let _ = writing.await;
    }

    async fn read(&self, reader: ReadHalf<Box<dyn Io>>, connection: Connection, gone: &CancellationToken) {
        let mut frames = Frames::new(reader, self.frame_bytes_max);
        loop {
            let next = tokio::time::timeout(self.timeouts.idle, frames.next());
            let frame = tokio::select! {
                () = gone.cancelled() => break,
                () = self.stop.cancelled() => break,
                frame = next => frame,
            };
            match frame {
                Ok(Ok(frame)) => {
                    // Reading stops while as many as may be are under way.
                    let Ok(place) = connection.in_flight.clone().acquire_owned().await else {
                        break;
                    };
                    let connection = connection.clone();
                    tokio::spawn(async move {
                        connection.serve(frame).await;
                        drop(place);
                    });
                }
                // Whoever has subscribed may be silent, but not in the middle of a frame.
                Err(_) if connection.subscription.is_active() && frames.is_between_frames() => {}
                Ok(Err(NoFrame::TooLarge)) => {
                    let reply = message::refusal(&Value::Null, &Rejection::FrameTooLarge(self.frame_bytes_max));
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
    #[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
    async fn serve(&self, frame: Vec<u8>) {
        let started = Instant::now();
        let read = message::read(&frame);
        drop(frame);
        let (ext_id, command, answer) = match read {
            Ok(message) => {
                let ext_id = message.ext_id.clone();
                let command = table::command(&message.command).map_or("", |command| command.name);
                (ext_id, command, self.answer(message).await)
            }
            Err(Unreadable { ext_id, rejection }) => (ext_id, "", Err(rejection)),
        };
        let (status, reply) = match &answer {
            Ok(reply) => (200, message::success(&ext_id, reply)),
            Err(rejection) => (rejection.status(), message::refusal(&ext_id, rejection)),
        };
        count_request("tcp", command, status, started.elapsed());
        self.outbox.send(reply).await;
    }

    async fn answer(&self, message: Message) -> Result<Reply, Rejection> {
        match message.command.as_str() {
            "Subscribe" => {
                let caller = self.app.authenticate(message.token.as_deref())?;
                self.subscription.add(&caller, &message.data)?;
                return Ok(Reply::Made(json!({ "accepted": true })));
            }
            "Unsubscribe" => {
                let caller = self.app.authenticate(message.token.as_deref())?;
                self.subscription.remove(&caller, &message.data)?;
                return Ok(Reply::Made(json!({ "accepted": true })));
            }
            _ => {}
        }
        let command = table::command(&message.command).ok_or(Rejection::NotFound("command"))?;
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

/// Writes frames until all senders are gone, or the peer takes none for too long.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut frames: mpsc::Receiver<Waiting>,
    stall: Duration,
    gone: CancellationToken,
) {
    while let Some(frame) = frames.recv().await {
        let written = tokio::time::timeout(stall, async {
            writer.write_all(frame.text.as_bytes()).await?;
            if frames.is_empty() {
                writer.flush().await
            } else {
                Ok(())
            }
        });
        let written = tokio::select! {
            () = gone.cancelled() => break,
            written = written => written,
        };
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    gone.cancel();
    let _ = tokio::time::timeout(DISCARD_TIME_MAX, writer.shutdown()).await;
}

/// Reads on for a moment: closing at once would reset the connection, and the peer might never see the answer.
async fn discard(reader: ReadHalf<Box<dyn Io>>) {
    let mut rest = reader.take(DISCARD_BYTES_MAX);
    let _ = tokio::time::timeout(DISCARD_TIME_MAX, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}
