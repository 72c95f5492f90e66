//! A running application that is reached over HTTP, whichever host serves it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::rest::Rest;
use crate::server::{Server, now};

/// An application that clients can be made for.
pub trait Site {
    /// Where it listens.
    fn http(&self) -> SocketAddr;
    /// A token with these claims; it is in force for a while.
    fn token(&self, claims: &Value) -> String;
    /// Asserts that no file is stored, nor a part of one.
    fn leaves_nothing(&self);

    /// A client with this token.
    fn rest(&self, token: &str) -> Rest {
        Rest::new(self.http(), Some(token))
    }

    /// A token of a manager of every brand.
    fn manager(&self) -> String {
        self.token(&json!({ "role": 1, "sub": "mary", "exp": now() + 3_600 }))
    }

    /// A token of a customer.
    fn customer(&self, brand: &str, id: i64) -> String {
        let sub = format!("customer-{id}");
        self.token(&json!({ "role": 9, "sub": sub, "brand": brand, "customer_id": id, "exp": now() + 3_600 }))
    }
}

impl Site for Server {
    fn http(&self) -> SocketAddr {
        self.http
    }

    fn token(&self, claims: &Value) -> String {
        Self::token(self, claims)
    }

    fn leaves_nothing(&self) {
        let mut entries = std::fs::read_dir(self.data_dir().join("storage")).expect("a storage");
        assert!(entries.next().is_none(), "a file is left");
    }
}
