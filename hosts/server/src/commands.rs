//! Sub-commands that need no running server.

pub(crate) mod audit;
pub(crate) mod openapi;
pub(crate) mod simulate;
pub(crate) mod tenant;
pub(crate) mod token;
