//! HTTP requests to commands and back: routing, parsing, errors, limits and headers, for every host that speaks HTTP.
//!
//! [`Http::handle`] serves the routes of the command table, `POST /upload`, `GET /files/{file_id}` and the webhooks of
//! tenants. Time-outs are the host's: nothing here reads a clock.
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

use crate::reply::ReplyBody;
use crate::route::Routes;

/// Serves the application over HTTP.
#[derive(Debug, Clone)]
pub struct Http {
    app: App,
    body_bytes_max: usize,
    routes: Routes,
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

    /// What [`Self::handle`] would answer, where that takes no wait: a command that there is not or that is not the
    /// caller's to give, or a reply that memory has. `last` is the connection's.
    pub fn at_once<B>(&self, request: &Request<B>, last: &LastToken) -> Option<Response<ReplyBody>> {
        let path = request.uri().path();
        if path == "/upload" || path.starts_with("/files/") || webhook::slug(path).is_some() {
            return None;
        }
        command::at_once(self, request, last).unwrap_or_else(|rejection| Some(reply::error(&rejection)))
    }

    /// Serves one request, from an address if the host knows it.
    pub async fn handle<B>(&self, request: Request<B>, source: Option<IpAddr>) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Display + Send + Sync + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        if let Some(slug) = webhook::slug(parts.uri.path()) {
            return Box::pin(webhook::serve(&self.app, &parts, source, slug, body)).await;
        }
        let served = match parts.uri.path() {
            "/upload" => match parts.method {
                Method::POST => Box::pin(upload::serve(&self.app, &parts, body)).await,
                _ => Err(Rejection::MethodNotAllowed("POST".to_owned())),
            },
            path => match path.strip_prefix("/files/") {
                Some(id) => match parts.method {
                    Method::GET => Box::pin(download::serve(&self.app, &parts, id)).await,
                    _ => Err(Rejection::MethodNotAllowed("GET".to_owned())),
                },
                None => command::serve(self, &parts, body).await,
            },
        };
        served.unwrap_or_else(|rejection| reply::error(&rejection))
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
