//! Lines of the command table: a command's name, routes, access and schemas, and how its parameters are read.

use std::marker::PhantomData;
use std::sync::LazyLock;

use schemars::JsonSchema;
#[cfg(feature = "openapi")]
use schemars::SchemaGenerator;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Call, Change, Configure, List, View, ViewBrand};
use crate::actor::Access;
use crate::params::Compiled;
use crate::rejection::Rejection;
use crate::tenant::reconcile::{ReconcileReply, ReconcileTenant};

/// HTTP methods of the manager API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "HTTP's own names")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A line of the command table.
pub struct Command {
    /// The canonical name, on TCP and in the OpenAPI document.
    pub name: &'static str,
    /// The REST methods.
    pub methods: &'static [Method],
    /// The REST path, with `{id}` or `{brand}` where it carries a parameter.
    pub path: &'static str,
    /// Which sessions may call it.
    pub access: Access,
    /// One sentence.
    pub summary: &'static str,
    /// Whether it may change something, and so takes an idempotency key.
    pub changes: bool,
    /// Whether it shows one customer's state and nothing else.
    pub is_view: bool,
    /// Members that it ignores beside those that every command does.
    pub ignored: &'static [&'static str],
    /// The parameters' compiled schema, made when it is first needed: an instance of a component that serves one request
    /// needs one of them.
    pub params: LazyLock<Compiled>,
    /// The reply's schema, with its definitions in the generator.
    #[cfg(feature = "openapi")]
    pub reply: fn(&mut SchemaGenerator) -> schemars::Schema,
    /// The parameters' schema, with its definitions in the generator.
    #[cfg(feature = "openapi")]
    pub params_schema: fn(&mut SchemaGenerator) -> schemars::Schema,
    read: fn(&Compiled, Map<String, Value>) -> Result<Call, Rejection>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Members of `data` that every command ignores (source: the manager API's REST section).
const IGNORED_MEMBERS: [&str; 2] = ["__access", "__token"];
/// What storage knows better than any client (source: the seed's "Storage Flow").
pub const STORAGE_MEMBERS: &[&str] = &["file_name", "content_type", "file_size", "checksum"];

impl Command {
    /// Ignores more members.
    #[must_use]
    pub const fn ignoring(mut self, members: &'static [&'static str]) -> Self {
        self.ignored = members;
        self
    }

    /// The request's `data` without the members that mean nothing.
    #[must_use]
    pub fn meaningful(&self, mut data: Map<String, Value>) -> Map<String, Value> {
        data.retain(|name, _| !IGNORED_MEMBERS.contains(&name.as_str()) && !self.ignored.contains(&name.as_str()));
        data
    }

    /// Reads the parameters from [`Self::meaningful`] members; all wrong ones are named at once.
    pub fn read(&self, data: Map<String, Value>) -> Result<Call, Rejection> {
        (self.read)(&self.params, self.meaningful(data))
    }
}

/// A shape of command, for [`Entry`].
pub trait Shape<P> {
    /// The reply type.
    type Reply: JsonSchema;
    /// Whether it may change something.
    const CHANGES: bool;
    /// Whether it shows one customer's state.
    const IS_VIEW: bool = false;
    /// The erased call.
    fn call(params: P) -> Call;
}

macro_rules! shapes {
    ($($(#[$meta:meta])* $shape:ident: $bound:ident, $changes:literal, $is_view:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $shape;
        impl<P: $bound> Shape<P> for $shape
        where
            P::Reply: JsonSchema,
        {
            type Reply = P::Reply;
            const CHANGES: bool = $changes;
            const IS_VIEW: bool = $is_view;
            fn call(params: P) -> Call {
                Call::$bound(Box::new(params))
            }
        }
    )+};
}

shapes! {
    /// [`Change`].
    Changes: Change, true, false;
    /// [`Configure`].
    Configures: Configure, true, false;
    /// [`View`].
    Views: View, false, true;
    /// [`ViewBrand`].
    ViewsBrand: ViewBrand, false, false;
    /// [`List`].
    Lists: List, false, false;
}

/// The reconciliation, which looks at the platform before it decides.
#[derive(Debug)]
pub struct Reconciles;

impl Shape<ReconcileTenant> for Reconciles {
    type Reply = ReconcileReply;
    // It takes no idempotency key: its cursor says how far it is.
    const CHANGES: bool = false;
    fn call(params: ReconcileTenant) -> Call {
        Call::Reconcile(params)
    }
}

/// Makes a table line for the parameters `P` in the shape `S`.
#[derive(Debug)]
pub struct Entry<S, P>(PhantomData<(S, P)>);

impl<S: Shape<P>, P: DeserializeOwned + JsonSchema + 'static> Entry<S, P> {
    /// The table line.
    pub fn line(
        name: &'static str,
        methods: &'static [Method],
        path: &'static str,
        access: Access,
        summary: &'static str,
    ) -> Command {
        Command {
            name,
            methods,
            path,
            access,
            summary,
            changes: S::CHANGES,
            is_view: S::IS_VIEW,
            ignored: &[],
            params: LazyLock::new(Compiled::of::<P>),
            #[cfg(feature = "openapi")]
            reply: |generator| generator.subschema_for::<S::Reply>(),
            #[cfg(feature = "openapi")]
            params_schema: |generator| P::json_schema(generator),
            read: |compiled, data| compiled.read::<P>(data).map(S::call).map_err(Rejection::InvalidData),
        }
    }
}
