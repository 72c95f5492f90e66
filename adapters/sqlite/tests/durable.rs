//! What outlives the process: rows and ids in the files, and an audit log that shows tampering.

use std::path::Path;
use std::sync::Arc;

use kyc_core::actor::{Actor, BrandScope};
use kyc_core::audit::AuditRow;
use kyc_core::command::{AnyChange, AnyConfigure, TemplateNeed};
use kyc_core::commit::{Commit, KeptReply};
use kyc_core::configure::BrandContext;
use kyc_core::file::FileMeta;
use kyc_core::id::{Brand, CustomerId, CustomerKey, FileId};
use kyc_core::json::Json;
use kyc_core::profile::set_risk::SetRiskLevel;
use kyc_core::query::{AuditFilter, Filter, Page, Query, Rows};
use kyc_core::record::{Hash, Record};
use kyc_core::status::{RiskLevel, Session};
use kyc_core::template::add::AddTemplate;
use kyc_core::time::Time;
use kyc_core::work::{Context, Ids};
use kyc_ports::contract::reopening;
use kyc_ports::store::{Store, Wanted};
use kyc_sqlite::ledger::{Checked, LedgerError, export, verify, verify_export};
use kyc_sqlite::{Options, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

const NOW: Time = Time(1_700_000_000_123_457);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path(), Options::default()).unwrap()
}

fn kyc_db(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("kyc.db")
}

fn brand() -> Brand {
    "a".parse().unwrap()
}

fn customer(number: i64) -> CustomerKey {
    CustomerKey {
        brand: brand(),
        customer_id: CustomerId(number),
    }
}

const ONE_OF_EACH: Wanted = Wanted {
    profiles: 1,
    steps: 1,
    documents: 1,
    templates: 1,
    audit: 1,
    customers: 1,
    tenants: 1,
    deliveries: 1,
};

async fn ids(store: &dyn Store) -> Ids {
    let reserved = store.reserve(ONE_OF_EACH).await.unwrap();
    Ids {
        profile: reserved.profile,
        step: reserved.step,
        document: reserved.document,
        template: reserved.template,
        tenant: reserved.tenant,
        delivery: reserved.delivery,
    }
}

async fn salts(store: &dyn Store, count: usize) -> (i64, impl Iterator<Item = Hash>) {
    let wanted = Wanted {
        audit: count as i64,
        ..Wanted::default()
    };
    let first = store.reserve(wanted).await.unwrap().audit;
    (first, (0..).map(|number| Hash([number; 32])))
}

/// A decision about a customer, as the application takes and commits it; the first one makes the profile.
async fn set_risk(store: &dyn Store, number: i64, risk_level: RiskLevel, kept: Option<KeptReply>) {
    let key = customer(number);
    let state = store.customer(&key).await.unwrap();
    let context = Context {
        now: NOW,
        actor: Actor::system(),
        ids: ids(store).await,
        settings: store.brand(&key.brand, &TemplateNeed::None).await.unwrap().settings,
        templates: Vec::new(),
        files: Vec::new(),
        external_owner: None,
        tenant: None,
        delivery: None,
        seed: Hash::ZERO,
    };
    let change = SetRiskLevel {
        customer_id: key.customer_id,
        brand: key.brand,
        risk_level,
        reason: "CHECKED".to_owned(),
    };
    let decided = AnyChange::decide(&change, &state, &context).unwrap();
    let (first_id, salts) = salts(store, decided.events.len()).await;
    let mut commit = Commit::of_customer(&state, &decided.state, &decided.events, decided.queue, first_id, salts);
    commit.kept = kept;
    store.commit(commit).await.unwrap();
}

async fn add_template(store: &dyn Store, code: &str) {
    let add = AddTemplate {
        brand: brand(),
        code: code.parse().unwrap(),
        level: 1,
        name: None,
        description: None,
        step_type: None,
        required: None,
        sort_index: None,
        requirements: None,
        form_schema: None,
    };
    let state = store
        .brand(&brand(), &AnyConfigure::needs(&add).templates)
        .await
        .unwrap();
    let context = BrandContext {
        now: NOW,
        actor: Actor::system(),
        ids: ids(store).await,
        template_count: 0,
        has_active_profiles: false,
        slug_owner: None,
        fresh_uuid: String::new(),
        fresh_secrets: Vec::new(),
    };
    let configured = AnyConfigure::decide(&add, &state, &context).unwrap();
    let (first_id, salts) = salts(store, configured.events.len()).await;
    let commit = Commit::of_brand(
        &state,
        &configured.state,
        &configured.events,
        configured.writes,
        first_id,
        salts,
    );
    store.commit(commit).await.unwrap();
}

async fn audit(store: &dyn Store) -> Vec<AuditRow> {
    let page = Page {
        limit: 1_000,
        after: None,
        offset: 0,
    };
    let query = Query {
        filter: Filter::Audit(AuditFilter::default()),
        scope: BrandScope::All,
        page,
    };
    match store.list(&query).await.unwrap() {
        Rows::Audit(mut rows) => {
            rows.reverse();
            rows
        }
        other => panic!("{other:?}"),
    }
}

/// A database with two customers and a brand's configuration; the rows of its audit log by id.
fn filled() -> (TempDir, Vec<AuditRow>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let rows = block_on(async {
        add_template(&store, "identity").await;
        set_risk(&store, 7, RiskLevel::Low, None).await;
        set_risk(&store, 8, RiskLevel::High, None).await;
        set_risk(&store, 7, RiskLevel::Medium, None).await;
        add_template(&store, "address").await;
        set_risk(&store, 7, RiskLevel::High, None).await;
        audit(&store).await
    });
    (folder, rows)
}

/// The rows of customer 7.
fn of_seven(rows: &[AuditRow]) -> Vec<&AuditRow> {
    rows.iter()
        .filter(|row| row.customer_id == Some(CustomerId(7)))
        .collect()
}

/// Somebody who has the file and knows of the triggers.
fn tamper(folder: &TempDir, sql: &str) {
    let connection = Connection::open(kyc_db(folder)).unwrap();
    connection
        .execute_batch("DROP TRIGGER audit_is_append_only; DROP TRIGGER audit_is_fixed;")
        .unwrap();
    assert_eq!(connection.execute(sql, ()).unwrap(), 1, "{sql}");
}

fn file(number: u8) -> FileMeta {
    FileMeta {
        file_id: FileId::from_random([number; 16]),
        extension: "pdf".to_owned(),
        file_name: "a.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        file_size: 1,
        checksum: String::new(),
        brand: None,
        customer_id: None,
        uploaded_session: Session::Manager,
        uploaded_by: "m-1".to_owned(),
        claimed: false,
        created_time: NOW,
    }
}

#[test]
fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let kept = KeptReply {
        subject: "s".to_owned(),
        command: "c".to_owned(),
        key: "k".to_owned(),
        request_hash: Hash([1; 32]),
        body: Json::object(),
        created_time: NOW,
    };
    let need = TemplateNeed::Code("identity".parse().unwrap());
    let seen = async |store: &dyn Store| {
        let customer = store.customer(&customer(7)).await.unwrap();
        let brand = store.brand(&brand(), &need).await.unwrap();
        let files = [
            store.file(&file(1).file_id).await.unwrap(),
            store.file(&file(2).file_id).await.unwrap(),
        ];
        let kept = store.kept_reply("s", "c", "k").await.unwrap();
        (customer, brand, files, kept, audit(store).await)
    };
    let before = {
        let store = open(&folder);
        block_on(async {
            add_template(&store, "identity").await;
            set_risk(&store, 7, RiskLevel::High, Some(kept.clone())).await;
            store.add_file(file(1)).await.unwrap();
            store.add_file(file(2)).await.unwrap();
            store.claim_files(&[file(1).file_id], &customer(7)).await.unwrap();
            seen(&store).await
        })
    };
    assert!(before.0.profile.is_some() && before.1.templates.len() == 1 && before.3 == Some(kept));
    assert!(before.2[0].as_ref().is_some_and(|file| file.claimed));
    for _ in 0..3 {
        assert_eq!(block_on(seen(&open(&folder))), before);
    }
    // And the stream goes on where it stood.
    block_on(set_risk(&open(&folder), 7, RiskLevel::Low, None));
    assert_eq!(
        block_on(open(&folder).customer(&customer(7))).unwrap().head.version,
        before.0.head.version + 1
    );
    verify(&kyc_db(&folder)).unwrap();
}

#[test]
fn what_tenants_bring_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let store = open(&folder);
        block_on(async {
            reopening::fill(&store).await;
            reopening::fill_tenants(&store).await;
            reopening::told(&store).await
        })
    };
    for _ in 0..3 {
        assert_eq!(block_on(reopening::told(&open(&folder))), before);
    }
    block_on(reopening::goes_on(&open(&folder)));
    assert_ne!(block_on(reopening::told(&open(&folder))), before);
    verify(&kyc_db(&folder)).unwrap();
}

#[test]
fn ids_never_repeat_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut next = [1, 1, 1, 1, 1, 1_000_000_000, 1, 1];
    for count in [1, 300, 1, 255, 256, 257, 2] {
        let store = open(&folder);
        for _ in 0..3 {
            let wanted = Wanted {
                profiles: count,
                steps: count,
                documents: count,
                templates: count,
                audit: count,
                customers: count,
                tenants: count,
                deliveries: count,
            };
            let reserved = block_on(store.reserve(wanted)).unwrap();
            let first = [
                reserved.profile,
                reserved.step,
                reserved.document,
                reserved.template,
                reserved.audit,
                reserved.customer,
                reserved.tenant,
                reserved.delivery,
            ];
            for (next, first) in next.iter_mut().zip(first) {
                assert!(first >= *next, "{first} comes after {next}");
                *next = first + count;
            }
        }
    }
}

#[test]
fn a_log_verifies_while_the_store_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    assert_eq!(verify(&kyc_db(&folder)).unwrap(), Checked::default());
    block_on(async {
        add_template(&store, "identity").await;
        set_risk(&store, 7, RiskLevel::High, None).await;
        let rows = audit(&store).await.len() as u64;
        assert!(rows > 2);
        assert_eq!(verify(&kyc_db(&folder)).unwrap(), Checked { rows, streams: 2 });
    });
}

#[test]
fn a_changed_column_is_found_and_its_row_named() {
    let (_, rows) = filled();
    // Neither the first row nor the last of the stream, and one with a reason.
    let id = of_seven(&rows)
        .iter()
        .skip(1)
        .find(|row| row.reason.is_some())
        .unwrap()
        .id;
    for (change, problem) in [
        ("action = 'profile.reviewed'", "columns"),
        ("actor_type = 3", "columns"),
        ("actor_id = 'somebody'", "columns"),
        ("source = 'elsewhere'", "columns"),
        ("reason = 'OTHER'", "columns"),
        ("reason = NULL", "columns"),
        ("kyc_id = kyc_id + 1", "columns"),
        ("step_id = 1", "columns"),
        ("document_id = 1", "columns"),
        ("template_id = 1", "columns"),
        ("created_time = created_time + 1", "columns"),
        ("data_hash = zeroblob(32)", "columns"),
        ("hash = zeroblob(32)", "columns"),
        ("customer_id = 8", "does not follow"),
        ("customer_id = 9", "does not follow"),
        ("brand = 'b'", "does not follow"),
        ("prev_hash = zeroblob(32)", "does not follow"),
        ("comment = 'added'", "data"),
        ("before = '{}'", "data"),
        ("after = json_set(after, '$.risk_level', 0)", "data"),
        ("after = NULL", "data"),
        ("body = 'null '", ""),
        ("body = '1'", "data"),
        ("salt = zeroblob(32)", "data"),
        ("salt = NULL", "data"),
    ] {
        let (folder, _) = filled();
        tamper(&folder, &format!("UPDATE audit SET {change} WHERE id = {id}"));
        let verified = verify(&kyc_db(&folder));
        if problem.is_empty() {
            // The same data in another spelling is the same data.
            verified.unwrap();
            continue;
        }
        let told = verified.expect_err(change).to_string();
        assert!(
            told.contains(&format!("audit row {id}: ")) && told.contains(problem),
            "{change}: {told}"
        );
    }
}

#[test]
fn a_row_sealed_anew_breaks_the_next_one() {
    let (folder, rows) = filled();
    let stream = of_seven(&rows);
    let mut forged = stream[1].clone();
    forged.actor_id = "somebody".to_owned();
    forged.comment = Some("all is well".to_owned());
    forged.data_hash = forged.hash_data(&forged.salt.unwrap());
    forged.hash = forged.hash_chain();
    rewrite(&folder, &forged);
    let told = verify(&kyc_db(&folder)).unwrap_err().to_string();
    assert_eq!(
        told,
        format!("audit row {}: does not follow the row before it", stream[2].id)
    );

    // The newest row has no next one, but the stream's head tells.
    let (folder, rows) = filled();
    let mut forged = of_seven(&rows).pop().unwrap().clone();
    forged.actor_id = "somebody".to_owned();
    forged.hash = forged.hash_chain();
    rewrite(&folder, &forged);
    let told = verify(&kyc_db(&folder)).unwrap_err().to_string();
    assert_eq!(told, "stream a/7: ends at another row than its head says");
}

/// Puts a whole row in the place of the one with its id.
fn rewrite(folder: &TempDir, row: &AuditRow) {
    tamper(folder, &format!("DELETE FROM audit WHERE id = {}", row.id));
    let members = serde_json::to_value(row).unwrap();
    let values = AuditRow::COLUMNS.iter().map(|column| match &members[column] {
        serde_json::Value::String(text) if matches!(*column, "salt" | "data_hash" | "prev_hash" | "hash") => {
            format!("x'{text}'")
        }
        serde_json::Value::String(text) => format!("'{text}'"),
        serde_json::Value::Object(object) => format!("'{}'", serde_json::to_string(object).unwrap()),
        other => other.to_string(),
    });
    let values: Vec<String> = values.collect();
    let sql = format!(
        "INSERT INTO audit ({}) VALUES ({})",
        AuditRow::COLUMNS.join(", "),
        values.join(", ")
    );
    assert_eq!(Connection::open(kyc_db(folder)).unwrap().execute(&sql, ()).unwrap(), 1);
}

#[test]
fn a_removed_row_is_missed() {
    let (_, rows) = filled();
    let stream = of_seven(&rows);
    let last = stream.len() - 1;
    for place in 0..=last {
        let (folder, _) = filled();
        tamper(&folder, &format!("DELETE FROM audit WHERE id = {}", stream[place].id));
        let told = verify(&kyc_db(&folder)).unwrap_err().to_string();
        let expected = match stream.get(place + 1) {
            Some(next) => format!("audit row {}: does not follow the row before it", next.id),
            None => "stream a/7: ends at another row than its head says".to_owned(),
        };
        assert_eq!(told, expected);
    }
}

#[test]
fn a_head_that_was_moved_or_removed_is_found() {
    for (sql, stream) in [
        ("UPDATE streams SET hash = zeroblob(32) WHERE customer_id = 7", "a/7"),
        ("DELETE FROM streams WHERE customer_id = 8", "a/8"),
        ("UPDATE streams SET brand = 'b' WHERE customer_id = 0", ""),
    ] {
        let (folder, _) = filled();
        tamper(&folder, sql);
        let told = verify(&kyc_db(&folder)).unwrap_err().to_string();
        assert!(
            told.contains("ends at another row than its head says") && told.contains(stream),
            "{sql}: {told}"
        );
    }
}

#[test]
fn erased_data_leaves_a_log_that_verifies() {
    let (folder, rows) = filled();
    let store = open(&folder);
    drop(store);
    // Its triggers let data and salt go, together.
    let erased = Connection::open(kyc_db(&folder))
        .unwrap()
        .execute(
            "UPDATE audit SET salt = NULL, comment = NULL, before = NULL, after = NULL, body = NULL",
            (),
        )
        .unwrap();
    assert_eq!(erased, rows.len());
    assert_eq!(verify(&kyc_db(&folder)).unwrap().rows, rows.len() as u64);
}

#[test]
fn the_triggers_keep_rows_from_being_changed_or_removed() {
    let (folder, rows) = filled();
    let connection = Connection::open(kyc_db(&folder)).unwrap();
    let data = ["comment", "before", "after", "body", "salt"];
    let refused = |sql: &str| {
        let told = connection.execute(sql, ()).unwrap_err().to_string();
        assert!(told.starts_with("audit rows are not "), "{sql}: {told}");
    };
    refused("DELETE FROM audit");
    refused(&format!("DELETE FROM audit WHERE id = {}", rows[0].id));
    refused("UPDATE audit SET rowid = rowid + 1000000");
    refused("UPDATE OR REPLACE audit SET id = 1000000");
    refused("INSERT OR REPLACE INTO audit SELECT * FROM audit LIMIT 1");
    for column in AuditRow::COLUMNS.iter().filter(|column| !data.contains(column)) {
        let other = match *column {
            "hash" | "prev_hash" | "data_hash" => "zeroblob(31)",
            "brand" | "action" | "actor_id" | "source" | "reason" => "'another'",
            _ => "1000000",
        };
        refused(&format!("UPDATE audit SET {column} = {other}"));
        refused(&format!(
            "UPDATE audit SET comment = NULL, {column} = {other} WHERE id = {}",
            rows[0].id
        ));
    }
    assert_eq!(verify(&kyc_db(&folder)).unwrap().rows, rows.len() as u64);
}

fn exported(folder: &TempDir) -> (String, Checked) {
    let mut out = Vec::new();
    let checked = export(&kyc_db(folder), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), checked)
}

#[test]
fn an_export_verifies_without_the_database() {
    let (folder, rows) = filled();
    let (lines, checked) = exported(&folder);
    assert_eq!(
        checked,
        Checked {
            rows: rows.len() as u64,
            streams: 3
        }
    );
    assert_eq!(verify_export(lines.as_bytes()).unwrap(), checked);
    assert_eq!(verify(&kyc_db(&folder)).unwrap(), checked);
    assert_eq!(lines.lines().count(), rows.len() + 3 + 1);

    let empty = tempfile::tempdir().unwrap();
    drop(open(&empty));
    let (lines, checked) = exported(&empty);
    assert_eq!(verify_export(lines.as_bytes()).unwrap(), checked);
}

#[test]
fn an_export_that_was_changed_does_not_verify() {
    let (folder, rows) = filled();
    let (whole, _) = exported(&folder);
    let lines: Vec<&str> = whole.lines().collect();
    let verified = |lines: &[&str]| verify_export(lines.join("\n").as_bytes());
    assert!(verified(&lines).is_ok());

    for place in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(place);
        assert!(verified(&fewer).is_err(), "without line {}", place + 1);
        let mut twice = lines.clone();
        twice.insert(place, lines[place]);
        assert!(verified(&twice).is_err(), "line {} twice", place + 1);
        let mut garbled = lines.clone();
        garbled[place] = "{}";
        assert!(matches!(verified(&garbled), Err(LedgerError::Line(line)) if line == place + 1));
    }
    let edited = whole.replacen("CHECKED", "CHANGED", 1);
    let id = rows
        .iter()
        .find(|row| row.reason.as_deref() == Some("CHECKED"))
        .unwrap()
        .id;
    let told = verify_export(edited.as_bytes()).unwrap_err().to_string();
    assert_eq!(told, format!("audit row {id}: its columns do not fit its hash"));
    let edited = whole.replacen("\"risk_level\":", "\"risk_level\":1", 1);
    assert!(
        verify_export(edited.as_bytes())
            .unwrap_err()
            .to_string()
            .ends_with("its data does not fit its hash")
    );

    // Rows without their heads, and all but the last line.
    assert!(matches!(verified(&lines[..rows.len()]), Err(LedgerError::Broken(_))));
    assert!(matches!(verified(&lines[..lines.len() - 1]), Err(LedgerError::CutOff)));
    assert!(matches!(verified(&[]), Err(LedgerError::CutOff)));
    let cut = &whole[..whole.len() - 3];
    assert!(matches!(verify_export(cut.as_bytes()), Err(LedgerError::Line(line)) if line == lines.len()));
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    assert!(verify(&kyc_db(&folder)).is_err());
    assert!(export(&kyc_db(&folder), Vec::new()).is_err());
    assert!(!Path::new(&kyc_db(&folder)).exists());
    assert!(SqliteStore::open(&folder.path().join("missing"), Options::default()).is_err());
}

/// More than one block of them, by several at once: none is given twice, and each asker's rise.
#[test]
fn ids_of_several_blocks_differ_and_rise() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    let asker = |count: i64| {
        let store = store.clone();
        async move {
            let mut firsts = Vec::new();
            for _ in 0..400 {
                let wanted = Wanted {
                    audit: count,
                    ..Wanted::default()
                };
                firsts.push(store.reserve(wanted).await.unwrap().audit);
            }
            assert!(firsts.is_sorted(), "{firsts:?}");
            firsts.into_iter().map(move |first| (first, count))
        }
    };
    let askers: Vec<_> = (1..=12).map(|count| runtime.spawn(asker(count))).collect();
    let given = askers.into_iter().flat_map(|asker| runtime.block_on(asker).unwrap());
    let mut given: Vec<_> = given.collect();
    given.sort_unstable();
    for pair in given.windows(2) {
        assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:?}");
    }
}
