//! HTTP requests to commands and back: routing, parsing, errors, limits and headers, for every host that speaks HTTP.
//!
//! [`Http::handle`] serves the routes of the command table, `POST /upload`, `GET /files/{file_id}` and the webhooks of
//! tenants; a host that has a place for requests that wait calls [`Http::begin`] and, there, [`Http::go_on`]. Time-outs
//! are the host's: nothing here reads a clock.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod command;
mod download;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod reply;
mod route;
mod upload;
mod webhook;

use std::fmt::Display;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body::Body;
use kyc_core::limits::BODY_BYTES_MAX;
use kyc_core::rejection::Rejection;
use kyc_ports::app::{App, LastToken};

use crate::command::Asked;
use crate::reply::ReplyBody;
use crate::route::Routes;

/// Serves the application over HTTP.
#[derive(Debug, Clone)]
pub struct Http {
    app: App,
    body_bytes_max: usize,
    routes: Routes,
}

/// How far a request has come by its head alone.
#[derive(Debug)]
pub struct Begun {
    /// The command's name; empty where there is none.
    pub command: &'static str,
    /// What comes next.
    pub next: Next,
}

/// What comes behind a request's head.
#[derive(Debug)]
pub enum Next {
    /// Nothing: this is the answer.
    Answered(Response<ReplyBody>),
    /// The request waits, for its body or for the store: [`Http::go_on`].
    Waits(Waiting),
}

/// A request that waits.
#[derive(Debug)]
pub struct Waiting(Kind);

#[derive(Debug)]
enum Kind {
    Command(Asked),
    Upload,
    File,
    Webhook,
}

impl Http {
    /// Serves this application.
    pub fn new(app: App) -> Self {
        Self {
            app,
            body_bytes_max: BODY_BYTES_MAX,
            routes: Routes::of_table(),
        }
    }

    /// Takes JSON bodies up to this size.
    #[must_use]
    pub const fn with_body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// Begins a request, and ends it where that takes no wait: where the command is none, or not the caller's to give, or
    /// where memory has the reply. `last` is the connection's.
    pub fn begin<B>(&self, request: &Request<B>, last: &LastToken) -> Begun {
        let path = request.uri().path();
        let other = match path {
            "/upload" => Some(Kind::Upload),
            _ if path.starts_with("/files/") => Some(Kind::File),
            _ => webhook::slug(path).map(|_| Kind::Webhook),
        };
        if let Some(kind) = other {
            let next = Next::Waits(Waiting(kind));
            return Begun { command: "", next };
        }
        let refused = |rejection| Next::Answered(reply::error(&rejection));
        match self.routes.find(request.method(), path) {
            Ok(found) => Begun {
                command: found.command.name,
                next: command::begin(self, found, request, last).unwrap_or_else(refused),
            },
            Err(rejection) => Begun {
                command: "",
                next: refused(rejection),
            },
        }
    }

    /// Serves a request that has begun and waits, from an address if the host knows it.
    pub async fn go_on<B>(&self, waiting: Waiting, request: Request<B>, source: Option<IpAddr>) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display + Send + Sync + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let served = match waiting.0 {
            Kind::Command(asked) => command::serve(self, asked, &parts, body).await,
            Kind::Upload => match parts.method {
                Method::POST => Box::pin(upload::serve(&self.app, &parts, body)).await,
                _ => Err(Rejection::MethodNotAllowed("POST".to_owned())),
            },
            Kind::File => match parts.method {
                Method::GET => {
                    let id = path.strip_prefix("/files/").unwrap_or_default();
                    Box::pin(download::serve(&self.app, &parts, id)).await
                }
                _ => Err(Rejection::MethodNotAllowed("GET".to_owned())),
            },
            Kind::Webhook => {
                let slug = webhook::slug(path).unwrap_or_default();
                return Box::pin(webhook::serve(&self.app, &parts, source, slug, body)).await;
            }
        };
        served.unwrap_or_else(|rejection| reply::error(&rejection))
    }

    /// Serves one request from its beginning to its end.
    pub async fn handle<B>(&self, request: Request<B>, source: Option<IpAddr>) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display + Send + Sync + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match self.begin(&request, &LastToken::default()).next {
            Next::Answered(response) => response,
            Next::Waits(waiting) => self.go_on(waiting, request, source).await,
        }
    }
}

/// The token of the `Authorization` header, with or without `Bearer`.
fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) => return None,
        None => value,
    };
    (!token.is_empty()).then_some(token)
}
