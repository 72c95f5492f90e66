//! What a component needs to serve: variables and grants. What is missing or wrong is named, in the answer and in the log;
//! what each component of the real `spin.toml` is granted is asserted word for word.

use std::path::PathBuf;

use kyc_spin_host::{GuestLog, Options, Reuse};
use kyc_spin_tests::objects::{HOST, Objects, with_bucket};
use kyc_spin_tests::{Spin, TICK_SECRET, options, pdf, root};
use kyc_tests::files::PIXEL_PNG;
use kyc_tests::rest::{Answer, Rest};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The real manifest with some lines changed or left out.
struct Manifest {
    path: PathBuf,
    _folder: TempDir,
}

impl Manifest {
    fn edited(line: impl Fn(&str) -> Option<String>) -> Self {
        let real = std::fs::read_to_string(root().join("spin.toml")).unwrap();
        let lines: Vec<String> = real.lines().filter_map(line).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spin.toml");
        std::fs::write(&path, lines.join("\n")).unwrap();
        Self { path, _folder: folder }
    }

    /// With these databases for every component.
    fn with_databases(labels: &[&str]) -> Self {
        Self::edited(|line| match line.strip_prefix("sqlite_databases = ") {
            Some(_) => Some(format!("sqlite_databases = {labels:?}")),
            None => Some(line.to_owned()),
        })
    }
}

/// That it is a refusal that names this; gives its message.
fn is_named(answer: &Answer, name: &str) -> String {
    assert_eq!(answer.error(503), "RET_TECH_PROBLEM", "{name}");
    let message = answer.json()["message"].as_str().expect("a message").to_owned();
    assert!(message.contains(&format!("`{name}`")), "{message}");
    message
}

#[test]
fn a_missing_variable_is_named() {
    let webhook = "/v1/adapters/acme/webhooks/kyc-events";
    for (variable, method, path) in [
        ("master_key", "GET", "/manager/kyc/profiles"),
        ("master_key", "GET", "/readyz"),
        ("master_key", "POST", webhook),
        ("tick_secret", "POST", "/internal/tick"),
        ("platform_host", "POST", "/internal/tick"),
        ("token_key", "GET", "/manager/kyc/profiles"),
        ("token_key", "POST", "/upload"),
    ] {
        let mut options = options(Reuse::SPIN);
        options.variables.remove(variable);
        let log = GuestLog::default();
        options.log = Some(log.clone());
        let spin = Spin::with(options);
        is_named(&Rest::new(spin.http, None).send(method, path, &[], b""), variable);
        let line = format!("ERROR the component cannot serve unusable=the variable `{variable}` has no value");
        assert!(log.text().contains(&line), "{}", log.text());
        assert_eq!(Rest::new(spin.http, None).get("/healthz").status, 200);
        spin.counters();
    }
}

#[test]
fn a_wrong_variable_is_named_without_its_value() {
    for (variable, value) in [
        ("master_key", "abc"),
        ("token_key", "too short"),
        ("token_key", "{\"keys\": 1}"),
        ("token_algorithm", "none"),
        ("tick_secret", "too short"),
        ("platform_host", "Platform.example"),
        ("platform_host", "a.example, b_.example:x"),
        ("s3_bucket", "Kyc_Files"),
        ("s3_host", "S3.example"),
        ("s3_host", "s3.example:https"),
        ("s3_region", "eu test"),
        ("s3_access_key_id", "two words"),
    ] {
        let mut options = with_bucket(options(Reuse::SPIN), &Objects::default());
        // What an operator writes into a grant, Spin must be able to read: here nothing is called anyway.
        let manifest = Manifest::edited(|line| (!line.starts_with("allowed_outbound_hosts")).then(|| line.to_owned()));
        options.variables.insert(variable.to_owned(), value.to_owned());
        let log = GuestLog::default();
        options.log = Some(log.clone());
        let spin = Spin::of(&manifest.path, options);
        let answer = match variable {
            "tick_secret" | "platform_host" => Rest::new(spin.http, None).post("/internal/tick", &json!({})),
            _ if variable.starts_with("s3_") => Rest::new(spin.http, None).get("/files/x"),
            _ => Rest::new(spin.http, None).get("/manager/kyc/profiles"),
        };
        let message = is_named(&answer, variable);
        assert!(!message.contains(value), "{message}");
        assert!(log.text().contains(&format!("`{variable}`")) && !log.text().contains(value));
    }
}

#[test]
fn routes_of_one_component_are_unknown_to_another() {
    // The real manifest with every route at one component.
    let real = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let routes = [
        ("api", "GET", "/manager/kyc/profiles"),
        ("storage", "POST", "/upload"),
        ("storage", "GET", "/files/x"),
        ("webhooks", "POST", "/v1/adapters/acme/webhooks/kyc-events"),
        ("tick", "POST", "/internal/tick"),
    ];
    for component in ["api", "storage", "webhooks", "tick"] {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("spin.toml");
        let edited = real.lines().map(|line| match line.strip_prefix("component = ") {
            // A trigger's, not the variable of a component.
            Some(_) if !line.contains("{{") => format!("component = \"{component}\""),
            _ => line.to_owned(),
        });
        // Only the triggers' lines come before the first component.
        let (triggers, components) = real.split_once("[component.api]").unwrap();
        let edited: Vec<String> = edited.take(triggers.lines().count()).collect();
        std::fs::write(&manifest, format!("{}\n[component.api]{components}", edited.join("\n"))).unwrap();
        let spin = Spin::of(&manifest, options(Reuse::SPIN));
        for (owner, method, path) in routes {
            let answer = Rest::new(spin.http, None).send(method, path, &[], b"");
            let is_unknown = answer.status == 404 && answer.json()["message"] == "route not found";
            assert_eq!(
                is_unknown,
                owner != component,
                "{path} at {component}: {}",
                answer.status
            );
        }
        spin.counters();
    }
}

#[test]
fn what_only_the_native_server_has_says_so() {
    let spin = Spin::start(Reuse::SPIN);
    for path in ["/metrics", "/docs", "/openapi.json", "/subscribe", "/tcp"] {
        let answer = Rest::new(spin.http, None).get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["message"].as_str().unwrap().contains("native server"));
    }
    assert_eq!(Rest::new(spin.http, None).get("/readyz").bytes, b"ready\n");
    spin.counters();
}

/// Not even one that may be empty: what it would switch on must not be left off for that.
#[test]
fn a_variable_that_a_component_is_not_given_is_named() {
    for (variable, method, path) in [
        ("token_issuer", "GET", "/manager/kyc/profiles"),
        ("token_audience", "GET", "/files/x"),
        ("s3_bucket", "GET", "/files/x"),
        ("s3_bucket", "POST", "/internal/sweep"),
        ("s3_host", "POST", "/internal/tick"),
    ] {
        let line_of = format!("{variable} = \"{{{{");
        let manifest = Manifest::edited(|line| (!line.starts_with(&line_of)).then(|| line.to_owned()));
        let spin = Spin::of(&manifest.path, options(Reuse::SPIN));
        is_named(&spin.rest(TICK_SECRET).send(method, path, &[], b""), variable);
    }
}

fn logged(manifest: &Manifest, options: Options) -> (Spin, GuestLog) {
    let log = GuestLog::default();
    let options = Options {
        log: Some(log.clone()),
        ..options
    };
    (Spin::of(&manifest.path, options), log)
}

#[test]
fn a_database_that_a_component_was_not_granted_is_named() {
    let (spin, log) = logged(&Manifest::with_databases(&[]), options(Reuse::SPIN));
    let scheduler = spin.rest(TICK_SECRET);
    let webhook = json!({ "event_id": "e" });
    for answer in [
        spin.manager().get("/manager/kyc/profiles"),
        spin.manager().get("/readyz"),
        scheduler.post("/internal/tick", &json!({})),
    ] {
        is_named(&answer, "default");
    }
    // A platform is told in its contract's form, which names nothing of ours.
    let told = spin.manager().post("/v1/adapters/acme/webhooks/kyc-events", &webhook);
    assert_eq!(told.status, 503);
    for answer in [
        spin.manager().upload(&[], "a.png", PIXEL_PNG),
        spin.manager().upload(&[], "a.pdf", &pdf(1_000_000)),
        spin.manager().get("/files/00000000-0000-4000-8000-000000000000"),
        scheduler.post("/internal/sweep", &json!({})),
    ] {
        is_named(&answer, "storage");
    }
    for label in ["default", "storage"] {
        let line = format!("missing=\"the component was not granted the database `{label}`\"");
        assert!(log.text().contains(&line), "{}", log.text());
    }
    let spin = Spin::of(&Manifest::with_databases(&["default"]).path, options(Reuse::SPIN));
    let offer = json!({
        "brand": "acme", "customer_id": 1, "type": "passport", "file_id": "00000000-0000-4000-8000-000000000000",
    });
    is_named(&spin.manager().post("/manager/kyc/documents", &offer), "storage");
    assert_eq!(
        spin.manager().get("/manager/kyc/profiles").status,
        200,
        "what needs no file goes on"
    );
    spin.counters();
}

#[test]
fn a_bucket_that_a_component_may_not_call_is_named() {
    let manifest = Manifest::edited(|line| (!line.starts_with("allowed_outbound_hosts")).then(|| line.to_owned()));
    let (spin, log) = logged(&manifest, with_bucket(options(Reuse::SPIN), &Objects::default()));
    is_named(&spin.manager().upload(&[], "a.png", PIXEL_PNG), HOST);
    assert!(log.text().contains(&format!("not granted `{HOST}`")), "{}", log.text());
    assert!(spin.counters().outbound_denied > 0);
}

/// What the real manifest says of a component.
fn granted(manifest: &Value, component: &str) -> Value {
    let component = &manifest["component"][component];
    let databases = &component["sqlite_databases"];
    json!([databases, component["allowed_outbound_hosts"], component["variables"]])
}

/// Values that pass on the application's variables of the same name.
fn passed_on(component: &str, names: &[&str]) -> Value {
    let mut variables = json!({ "component": component });
    for name in names {
        variables[name] = format!("{{{{ {name} }}}}").into();
    }
    variables
}

const TOKENS: [&str; 4] = ["token_key", "token_algorithm", "token_issuer", "token_audience"];
const BUCKET: [&str; 5] = [
    "s3_bucket",
    "s3_host",
    "s3_region",
    "s3_access_key_id",
    "s3_secret_access_key",
];

#[test]
fn each_component_is_granted_what_it_needs_and_no_more() {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let manifest: Value = toml::from_str(&text).unwrap();
    let both = json!(["default", "storage"]);
    let (platform, bucket) = ("https://{{ platform_host }}", "https://{{ s3_host }}");
    let expected = [
        (
            "api",
            json!([both, [], passed_on("api", &[&TOKENS[..], &["master_key"]].concat())]),
        ),
        (
            "storage",
            json!([both, [bucket], passed_on("storage", &[&TOKENS[..], &BUCKET].concat())]),
        ),
        (
            "webhooks",
            json!([["default"], [], passed_on("webhooks", &["master_key"])]),
        ),
        (
            "tick",
            json!([
                both,
                [platform, bucket],
                passed_on(
                    "tick",
                    &[&["master_key", "tick_secret", "platform_host"][..], &BUCKET].concat()
                )
            ]),
        ),
    ];
    assert_eq!(manifest["component"].as_object().unwrap().len(), expected.len());
    for (component, grants) in expected {
        assert_eq!(granted(&manifest, component), grants, "{component}");
        let members: Vec<&String> = manifest["component"][component].as_object().unwrap().keys().collect();
        for member in members {
            let known = [
                "source",
                "sqlite_databases",
                "allowed_outbound_hosts",
                "variables",
                "build",
            ];
            assert!(
                known.contains(&member.as_str()),
                "`{member}` of {component} grants something else"
            );
        }
    }
}

#[test]
fn secrets_are_secret_and_what_has_no_default_is_required() {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let manifest: Value = toml::from_str(&text).unwrap();
    let required_secret = json!({ "required": true, "secret": true });
    let empty_secret = json!({ "default": "", "secret": true });
    let expected = json!({
        "token_key": required_secret, "token_algorithm": { "default": "EdDSA" },
        "token_issuer": { "default": "" }, "token_audience": { "default": "" },
        "master_key": required_secret, "tick_secret": required_secret, "platform_host": { "required": true },
        "s3_bucket": { "default": "" }, "s3_host": { "default": "s3.invalid" }, "s3_region": { "default": "us-east-1" },
        "s3_access_key_id": empty_secret, "s3_secret_access_key": empty_secret,
    });
    assert_eq!(manifest["variables"], expected);
}

/// The tests replace `source` by what they built: here it is the same.
#[test]
fn the_source_is_what_the_build_command_writes() {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let manifest: Value = toml::from_str(&text).unwrap();
    let commands: Vec<&Value> = manifest["component"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|component| component["build"].get("command"))
        .collect();
    assert_eq!(
        commands,
        ["cargo build --profile wasm --target wasm32-wasip2 -p kyc-spin --locked"]
    );
    let package = std::fs::read_to_string(root().join("hosts/spin/Cargo.toml")).unwrap();
    assert!(package.contains("name = \"kyc-spin\""));
    for component in manifest["component"].as_object().unwrap().values() {
        assert_eq!(component["source"], "target/wasm32-wasip2/wasm/kyc_spin.wasm");
    }
}
