//! The house rules that no compiler checks: who depends on whom, what the core never touches, what the table lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kyc_core::actor::Access;
use kyc_core::params::unsupported_keywords;
use kyc_core::table::table;
use serde_json::Value;

fn root() -> PathBuf {
    fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap()
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(root()).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The repository's files, those not committed yet included: path from the root, and content.
fn files() -> Vec<(String, Vec<u8>)> {
    let listed = output("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let paths: BTreeSet<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    assert!(paths.contains("Cargo.toml"), "the repository's files are known");
    // A file that is deleted and not committed yet has no content.
    let read = |path: &str| Some((path.to_owned(), fs::read(root().join(path)).ok()?));
    paths.into_iter().filter_map(read).collect()
}

fn is_source(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|kind| kind == "rs")
}

/// Where a package of the workspace stands: core, ports, adapters, hosts or tests; and its name.
fn packages() -> BTreeMap<String, (String, Vec<String>)> {
    let metadata = output(
        env!("CARGO"),
        &["metadata", "--format-version", "1", "--no-deps", "--locked"],
    );
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let package = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let within = manifest
            .strip_prefix(metadata["workspace_root"].as_str().unwrap())
            .unwrap();
        let layer = within.iter().next().unwrap().to_str().unwrap().to_owned();
        let names = package["dependencies"].as_array().unwrap().iter();
        let names = names.map(|other| other["name"].as_str().unwrap().to_owned());
        (package["name"].as_str().unwrap().to_owned(), (layer, names.collect()))
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

#[test]
fn dependencies_point_inwards() {
    let packages = packages();
    for (name, (layer, dependencies)) in &packages {
        for other in dependencies {
            let Some((other_layer, _)) = packages.get(other) else {
                continue;
            };
            let may = match layer.as_str() {
                "core" => false,
                "ports" => other_layer == "core",
                "adapters" => {
                    let is_shared = matches!(other.as_str(), "kyc-sql" | "kyc-writeback");
                    is_shared || matches!(other_layer.as_str(), "core" | "ports")
                }
                "hosts" => !matches!(other_layer.as_str(), "tests" | "bench"),
                "tests" | "bench" => true,
                _ => panic!("{name} stands in none of core, ports, adapters, hosts, tests and bench"),
            };
            assert!(may, "{name} ({layer}) must not depend on {other} ({other_layer})");
        }
    }
    for layer in ["core", "ports", "adapters", "hosts", "tests"] {
        assert!(
            packages.values().any(|(own, _)| own == layer),
            "there are packages in {layer}"
        );
    }
}

/// The packages that end up in the core, for the machine's own target or another one.
fn linked_with_core(target: &[&str]) -> BTreeSet<String> {
    let args = [
        "tree",
        "-p",
        "kyc-core",
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--locked",
    ];
    let tree = output(env!("CARGO"), &[&args[..], target].concat());
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_core_waits_for_nothing_and_draws_nothing() {
    let banned = [
        "tokio",
        "rusqlite",
        "axum",
        "hyper",
        "reqwest",
        "getrandom",
        "rand",
        "async-trait",
        "wasmtime",
    ];
    for target in [&[][..], &["--target", "wasm32-wasip2"]] {
        let linked = linked_with_core(target);
        assert!(linked.contains("serde_json"), "the tree is read right: {linked:?}");
        let found: Vec<_> = banned.into_iter().filter(|name| linked.contains(*name)).collect();
        assert!(found.is_empty(), "kyc-core {target:?} links {found:?}");
    }
}

#[test]
fn every_source_file_says_first_why_it_exists() {
    let files = files().into_iter().filter(|(path, _)| is_source(path));
    let without: Vec<_> = files
        .filter(|(_, content)| !content.starts_with(b"//!"))
        .map(|(path, _)| path)
        .collect();
    assert!(
        without.is_empty(),
        "without a first line that starts with `//!`: {without:?}"
    );
}

#[test]
fn core_and_ports_take_time_ids_and_environment_as_arguments() {
    let ambient = ["SystemTime::now", "Instant::now", "std::env", "std::fs", "Uuid::new_v4"];
    let sources = files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("core/") || path.starts_with("ports/src/"));
    let mut read = 0;
    for (path, content) in sources.filter(|(path, _)| is_source(path)) {
        let content = String::from_utf8(content).unwrap();
        let found: Vec<_> = ambient.into_iter().filter(|name| content.contains(name)).collect();
        assert!(found.is_empty(), "{path} uses {found:?}");
        read += 1;
    }
    assert!(read > 50, "the sources are found");
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    // Not written out, or this file would be found.
    let places = ["root", "home", "Users"].map(|folder| format!("/{folder}/"));
    let named = |(path, content): (String, Vec<u8>)| {
        let content = String::from_utf8_lossy(&content).into_owned();
        places.iter().any(|place| content.contains(place)).then_some(path)
    };
    let found: Vec<_> = files().into_iter().filter_map(named).collect();
    assert!(found.is_empty(), "absolute paths in {found:?}");
}

#[test]
fn parameter_schemas_say_nothing_that_is_not_checked() {
    for command in table() {
        assert_eq!(
            unsupported_keywords(command.params.schema()),
            [""; 0],
            "{}",
            command.name
        );
    }
}

/// The manager API's page: name, methods, path, whose.
const COMMANDS: [(&str, &str, &str, Access); 39] = [
    (
        "MngAddKycStepTemplate",
        "POST",
        "/manager/kyc/templates",
        Access::Manager,
    ),
    (
        "MngUpdateKycStepTemplate",
        "PUT PATCH",
        "/manager/kyc/templates/{id}",
        Access::Manager,
    ),
    (
        "MngDeleteKycStepTemplate",
        "DELETE",
        "/manager/kyc/templates/{id}",
        Access::Manager,
    ),
    (
        "MngGetKycStepTemplates",
        "GET",
        "/manager/kyc/templates",
        Access::Manager,
    ),
    ("MngGetKycProfile", "GET", "/manager/kyc/profiles/{id}", Access::Manager),
    ("MngGetKycProfiles", "GET", "/manager/kyc/profiles", Access::Manager),
    ("MngGetKycStep", "GET", "/manager/kyc/steps/{id}", Access::Manager),
    (
        "MngRequireKycStep",
        "POST",
        "/manager/kyc/steps/require",
        Access::Manager,
    ),
    (
        "MngSetKycRequiredLevel",
        "POST",
        "/manager/kyc/required-level",
        Access::Manager,
    ),
    (
        "MngApproveKycStep",
        "POST",
        "/manager/kyc/steps/{id}/approve",
        Access::Manager,
    ),
    (
        "MngRejectKycStep",
        "POST",
        "/manager/kyc/steps/{id}/reject",
        Access::Manager,
    ),
    ("MngAddKycDocument", "POST", "/manager/kyc/documents", Access::Manager),
    ("MngGetKycDocuments", "GET", "/manager/kyc/documents", Access::Manager),
    (
        "MngApproveKycDocument",
        "POST",
        "/manager/kyc/documents/{id}/approve",
        Access::Manager,
    ),
    (
        "MngRejectKycDocument",
        "POST",
        "/manager/kyc/documents/{id}/reject",
        Access::Manager,
    ),
    ("MngGetKycAudit", "GET", "/manager/kyc/audit", Access::Manager),
    (
        "MngSubmitKycStep",
        "POST",
        "/manager/kyc/steps/{id}/submit",
        Access::Manager,
    ),
    (
        "MngSkipKycStep",
        "POST",
        "/manager/kyc/steps/{id}/skip",
        Access::Manager,
    ),
    (
        "MngDeleteKycDocument",
        "DELETE",
        "/manager/kyc/documents/{id}",
        Access::Manager,
    ),
    ("MngSetKycRiskLevel", "POST", "/manager/kyc/risk-level", Access::Manager),
    (
        "MngReviewKycProfile",
        "POST",
        "/manager/kyc/profiles/{id}/review",
        Access::Manager,
    ),
    (
        "MngLinkKycCustomer",
        "POST",
        "/manager/kyc/customers/link",
        Access::Manager,
    ),
    (
        "MngGetKycHistory",
        "GET",
        "/manager/kyc/profiles/{id}/history",
        Access::Manager,
    ),
    ("MngGetKycBrand", "GET", "/manager/kyc/brands/{brand}", Access::Manager),
    ("MngSetKycBrand", "PUT", "/manager/kyc/brands/{brand}", Access::Admin),
    ("MngAddTenant", "POST", "/manager/tenants", Access::Admin),
    ("MngUpdateTenant", "PATCH", "/manager/tenants/{slug}", Access::Admin),
    ("MngDeleteTenant", "DELETE", "/manager/tenants/{slug}", Access::Admin),
    ("MngGetTenants", "GET", "/manager/tenants", Access::Admin),
    (
        "MngRotateTenantSecret",
        "POST",
        "/manager/tenants/{slug}/rotate-secret",
        Access::Admin,
    ),
    (
        "MngReconcileTenant",
        "POST",
        "/manager/tenants/{slug}/reconcile",
        Access::Admin,
    ),
    ("MngGetKycDeliveries", "GET", "/manager/kyc/deliveries", Access::Manager),
    (
        "MngReplayKycDelivery",
        "POST",
        "/manager/kyc/deliveries/{id}/replay",
        Access::Manager,
    ),
    (
        "MngCheckRealAccountGate",
        "POST",
        "/manager/kyc/gates/real-account",
        Access::Manager,
    ),
    ("CustomerGetKycStatus", "GET", "/customer/kyc", Access::Customer),
    (
        "CustomerGetKycStep",
        "GET",
        "/customer/kyc/steps/{id}",
        Access::Customer,
    ),
    (
        "CustomerSubmitKycStep",
        "POST",
        "/customer/kyc/steps/{id}/submit",
        Access::Customer,
    ),
    (
        "CustomerAddKycDocument",
        "POST",
        "/customer/kyc/documents",
        Access::Customer,
    ),
    (
        "CustomerGetKycDocuments",
        "GET",
        "/customer/kyc/documents",
        Access::Customer,
    ),
];

#[test]
fn the_command_table_has_every_command_of_the_manager_api() {
    for (name, methods, path, access) in COMMANDS {
        let command = kyc_core::table::command(name).unwrap_or_else(|| panic!("{name} is not in the table"));
        let own: Vec<_> = command.methods.iter().map(|method| method.name()).collect();
        assert_eq!(
            (own.join(" ").as_str(), command.path, command.access),
            (methods, path, access),
            "{name}"
        );
    }
}

#[test]
fn no_name_and_no_route_is_given_twice() {
    let names: BTreeSet<_> = table().iter().map(|command| command.name).collect();
    assert_eq!(names.len(), table().len());
    let routes = || {
        table()
            .iter()
            .flat_map(|command| command.methods.iter().map(|method| (method.name(), command.path)))
    };
    assert_eq!(routes().collect::<BTreeSet<_>>().len(), routes().count());
}

#[test]
fn the_sessions_are_those_of_the_manager_api() {
    let numbers = |access: Access| {
        access
            .sessions()
            .iter()
            .map(|session| session.number())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(numbers(Access::Manager), [1, 2, 3, 10, 11].into());
    assert_eq!(numbers(Access::Admin), [3, 11].into());
    assert_eq!(numbers(Access::Customer), [9].into());
}
