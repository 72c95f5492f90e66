//! The command table's REST routes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use kyc_core::command::Command;
use kyc_core::rejection::Rejection;
use kyc_core::table::table;
use percent_encoding::percent_decode_str;

/// Commands by path and method.
#[derive(Debug, Clone)]
pub(crate) struct Routes {
    paths: Arc<matchit::Router<Vec<&'static Command>>>,
}

/// A request's command and its path parameters.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) command: &'static Command,
    pub(crate) path: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Routes {
    pub(crate) fn of_table() -> Self {
        let mut commands: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for command in table() {
            commands.entry(command.path).or_default().push(command);
        }
        let mut paths = matchit::Router::new();
        for (path, commands) in commands {
            // A test asks for every route of the table.
            let _ = paths.insert(path, commands);
        }
        Self { paths: Arc::new(paths) }
    }

    pub(crate) fn find<'a>(&'a self, method: &Method, path: &'a str) -> Result<Found<'a>, Rejection> {
        let matched = self.paths.at(path).map_err(|_| Rejection::NotFound("route"))?;
        let is_method = |command: &&&Command| command.methods.iter().any(|own| own.name() == method.as_str());
        let command = *matched.value.iter().find(is_method).ok_or_else(|| {
            let allowed: Vec<_> = matched
                .value
                .iter()
                .flat_map(|command| command.methods)
                .map(|own| own.name())
                .collect();
            Rejection::MethodNotAllowed(allowed.join(", "))
        })?;
        let decoded = |(name, value): (&'a str, &'a str)| {
            let value = percent_decode_str(value).decode_utf8().ok()?;
            Some((Cow::Borrowed(name), value))
        };
        let path = matched
            .params
            .iter()
            .map(decoded)
            .collect::<Option<_>>()
            .ok_or(Rejection::NotFound("route"))?;
        Ok(Found { command, path })
    }
}
