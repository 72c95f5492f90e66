//! Reads `spin.toml` (manifest version 2), so that tests run with the grants that the application ships with.

use crate::Error;
use crate::grants::AllowedHosts;
use crate::route::Routes;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One component with everything resolved that Spin resolves at start-up.
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) wasm: PathBuf,
    /// `Err` holds the reason why a variable has no value; the guest sees it as undefined.
    pub(crate) variables: BTreeMap<String, Result<String, String>>,
    pub(crate) databases: BTreeSet<String>,
    pub(crate) stores: BTreeSet<String>,
    pub(crate) hosts: AllowedHosts,
    pub(crate) environment: BTreeMap<String, String>,
}

pub(crate) struct Manifest {
    pub(crate) components: Vec<Component>,
    pub(crate) routes: Routes,
}

#[derive(Deserialize)]
struct RawManifest {
    spin_manifest_version: u32,
    #[serde(default)]
    variables: BTreeMap<String, RawVariable>,
    #[serde(default)]
    trigger: RawTriggers,
    #[serde(default)]
    component: BTreeMap<String, RawComponent>,
}

#[derive(Default, Deserialize)]
struct RawTriggers {
    #[serde(default)]
    http: Vec<RawHttpTrigger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttpTrigger {
    #[serde(rename = "id")]
    _id: Option<String>,
    component: String,
    route: toml::Value,
    #[serde(rename = "executor")]
    _executor: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVariable {
    #[serde(default)]
    required: bool,
    default: Option<String>,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(rename = "description")]
    _description: Option<String>,
}

/// Unknown keys are refused as Spin refuses them: a misspelt grant must not pass silently.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    source: toml::Value,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    sqlite_databases: BTreeSet<String>,
    #[serde(default)]
    key_value_stores: BTreeSet<String>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    files: Vec<toml::Value>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "exclude_files")]
    _exclude_files: Option<toml::Value>,
    #[serde(rename = "targets")]
    _targets: Option<toml::Value>,
    #[serde(rename = "build")]
    _build: Option<toml::Value>,
    #[serde(rename = "tool")]
    _tool: Option<toml::Value>,
}

/// Reads the manifest at `path`; `given` are the values of `--variable`, `sources` replace component files.
pub(crate) fn read(
    path: &Path,
    given: &BTreeMap<String, String>,
    sources: &BTreeMap<String, PathBuf>,
) -> Result<Manifest, Error> {
    let fail = |reason: String| Error::Manifest {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
    let raw: RawManifest = toml::from_str(&text).map_err(|e| {
        let line = e.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        fail(format!("line {line}: {}", e.message()))
    })?;
    if raw.spin_manifest_version != 2 {
        return Err(fail(format!(
            "spin_manifest_version is {}, 2 is wanted",
            raw.spin_manifest_version
        )));
    }
    if let Some(name) = given.keys().find(|name| !raw.variables.contains_key(*name)) {
        return Err(fail(format!(
            "variable `{name}` is given but not declared in [variables]"
        )));
    }
    if let Some(id) = sources.keys().find(|id| !raw.component.contains_key(*id)) {
        return Err(fail(format!(
            "a source is given for component `{id}`, which the manifest does not have"
        )));
    }
    let values = application_variables(&raw.variables, given).map_err(fail)?;
    // Spin resolves every variable of the application before it looks at any grant to call out: one that has no value
    // takes the grants of all components away.
    let all_have_values = values.values().all(Option::is_some);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut components = Vec::new();
    for (id, component) in raw.component {
        let source = sources.get(&id).cloned();
        let component = resolve(&id, component, source, folder, &values);
        let mut component = component.map_err(|reason| fail(format!("component `{id}`: {reason}")))?;
        if !all_have_values {
            component.hosts = AllowedHosts::default();
        }
        components.push(component);
    }
    let mut routes = Routes::default();
    for trigger in raw.trigger.http {
        let index = components.iter().position(|c| c.id == trigger.component);
        let index = index.ok_or_else(|| fail(format!("a trigger names component `{}`", trigger.component)))?;
        match trigger.route {
            toml::Value::String(route) => routes.add(&route, index).map_err(fail)?,
            toml::Value::Table(t) if t.get("private").and_then(toml::Value::as_bool) == Some(true) => {}
            other => {
                return Err(fail(format!(
                    "route `{other}` is neither a path nor {{ private = true }}"
                )));
            }
        }
    }
    Ok(Manifest { components, routes })
}

fn application_variables(
    declared: &BTreeMap<String, RawVariable>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Option<String>>, String> {
    declared
        .iter()
        .map(|(name, variable)| {
            if !is_variable_name(name) {
                return Err(format!("variable `{name}` is not a lower-case snake_case name"));
            }
            if variable.required == variable.default.is_some() {
                return Err(format!(
                    "variable `{name}` needs either `required = true` or a `default`"
                ));
            }
            Ok((name.clone(), given.get(name).or(variable.default.as_ref()).cloned()))
        })
        .collect()
}

fn resolve(
    id: &str,
    raw: RawComponent,
    source: Option<PathBuf>,
    folder: &Path,
    values: &BTreeMap<String, Option<String>>,
) -> Result<Component, String> {
    let wasm = match (source, raw.source) {
        (Some(path), _) => path,
        (None, toml::Value::String(path)) => folder.join(path),
        (None, _) => return Err("only a file path is supported as `source`".into()),
    };
    if !raw.files.is_empty() {
        return Err("`files` is not supported by this host".into());
    }
    if let Some(label) = raw.sqlite_databases.iter().find(|label| !is_label(label)) {
        return Err(format!("`{label}` is not a database label"));
    }
    let mut variables = BTreeMap::new();
    for (name, template) in raw.variables {
        if !is_variable_name(&name) {
            return Err(format!("variable `{name}` is not a lower-case snake_case name"));
        }
        variables.insert(name, expand(&template, values)?);
    }
    let mut hosts = AllowedHosts::default();
    for template in raw.allowed_outbound_hosts {
        match expand(&template, values)? {
            Ok(host) => hosts.add(&host)?,
            Err(reason) => eprintln!("spin-host: component {id}: nothing may be called: {reason}"),
        }
    }
    Ok(Component {
        id: id.to_owned(),
        wasm,
        variables,
        databases: raw.sqlite_databases,
        stores: raw.key_value_stores,
        hosts,
        environment: raw.environment,
    })
}

/// Fills in `{{ name }}`. The outer error is a manifest that Spin refuses to load, the inner one a missing value.
fn expand(template: &str, values: &BTreeMap<String, Option<String>>) -> Result<Result<String, String>, String> {
    let mut out = String::new();
    let mut rest = template;
    let mut missing = None;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, tail) = after
            .split_once("}}")
            .ok_or_else(|| format!("`{template}` has no closing braces"))?;
        let value = values
            .get(name.trim())
            .ok_or_else(|| format!("unknown variable `{}`", name.trim()))?;
        out.push_str(before);
        match value {
            Some(value) => out.push_str(value),
            None => missing = Some(format!("required variable `{}` has no value", name.trim())),
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(missing.map_or(Ok(out), Err))
}

/// Spin's rule: lower-case words joined by single underscores, starting with a letter.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.split('_')
        .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
