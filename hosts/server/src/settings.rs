//! The command line: flags, then environment (`KYCD_…`), then a TOML file (`--config`), then defaults.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

/// The KYC back-office in one binary.
#[derive(Debug, Parser)]
#[command(name = "kycd", version)]
struct Line {
    #[command(subcommand)]
    action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Serve TCP and HTTP from a data directory, which is made if it is missing
    Serve(ServeOptions),
    /// Serve invented sample data, and print what to open and what to try
    Demo(ServeOptions),
    /// Print a token that speaks for somebody
    Token(TokenOptions),
    /// Tenants, and the calls to their platforms; works beside a running server too
    #[command(subcommand)]
    Tenant(TenantAction),
    /// Play a platform's side of a tenant: its endpoints, and its webhooks
    SimulatePlatform(SimulateOptions),
    /// Check or export the audit log, without the server
    #[command(subcommand)]
    Audit(AuditAction),
    /// Print the OpenAPI 3.1 document
    Openapi,
}

/// What to do with tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum TenantAction {
    /// Give a brand its tenant; prints it with its two secrets, which are never shown again
    Add(TenantAddOptions),
    /// Print the tenants, one JSON object a line
    List(OperatorOptions),
    /// Change a tenant
    Update(TenantUpdateOptions),
    /// Make a new secret and print it; the one before goes on for a while
    RotateSecret(RotateSecretOptions),
    /// Make a brand local again
    Remove(TenantOptions),
    /// Print calls to platforms, newest first, one JSON object a line
    Deliveries(DeliveriesOptions),
    /// Send a dead call again
    Replay(ReplayOptions),
    /// Compare every player with what the platform holds; prints where it differs, one JSON object a line, then totals
    Reconcile(ReconcileOptions),
}

/// What the operator's commands need to know.
#[derive(Debug, Clone, Args)]
pub(crate) struct OperatorOptions {
    #[command(flatten)]
    pub(crate) data: DataDirOptions,
    #[command(flatten)]
    pub(crate) platforms: PlatformSettings,
}

/// Which tenant.
#[derive(Debug, Clone, Args)]
pub(crate) struct TenantOptions {
    #[command(flatten)]
    pub(crate) operator: OperatorOptions,
    /// What the tenant is called in the addresses of its webhooks
    #[arg(long)]
    pub(crate) slug: String,
}

/// A tenant to add.
#[derive(Debug, Clone, Args)]
pub(crate) struct TenantAddOptions {
    #[command(flatten)]
    pub(crate) tenant: TenantOptions,
    /// The brand that it serves
    #[arg(long)]
    pub(crate) brand: String,
    /// Who owns KYC: `platform_owns`, `crm_owns`, `dual` or `none`
    #[arg(long, value_parser = model)]
    pub(crate) model: kyc_core::status::KycModel,
    #[command(flatten)]
    pub(crate) members: TenantMembers,
}

/// What to change of a tenant.
#[derive(Debug, Clone, Args)]
pub(crate) struct TenantUpdateOptions {
    #[command(flatten)]
    pub(crate) tenant: TenantOptions,
    /// Who owns KYC; refused while the brand has customers whose status is not none
    #[arg(long, value_parser = model)]
    pub(crate) model: Option<kyc_core::status::KycModel>,
    #[command(flatten)]
    pub(crate) members: TenantMembers,
}

/// What can be set of a tenant.
#[derive(Debug, Clone, Args)]
pub(crate) struct TenantMembers {
    /// Where its platform is called (https); needed for `crm_owns` and `dual`
    #[arg(long)]
    pub(crate) base_url: Option<String>,
    /// Whether its platform may be called at a private address, and over http
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) allow_private_network: Option<bool>,
    /// Whether a webhook about an unknown player makes a customer (true unless it is set)
    #[arg(long)]
    pub(crate) create_players: Option<bool>,
    /// Webhooks a second that it may send for long (200 unless it is set)
    #[arg(long)]
    pub(crate) webhook_rate: Option<i64>,
    /// Webhooks that it may send at once (1000 unless it is set)
    #[arg(long)]
    pub(crate) webhook_burst: Option<i64>,
    /// Lookups a second that a reconciliation makes (10 unless it is set)
    #[arg(long)]
    pub(crate) lookup_rate: Option<i64>,
}

/// Which secret to make anew.
#[derive(Debug, Clone, Args)]
pub(crate) struct RotateSecretOptions {
    #[command(flatten)]
    pub(crate) tenant: TenantOptions,
    /// Which secret: `webhook` or `outbound`
    #[arg(long, default_value = "webhook", value_parser = secret_kind)]
    pub(crate) kind: kyc_core::status::SecretKind,
    /// How long the ones before go on (seconds)
    #[arg(long, default_value_t = kyc_core::limits::OVERLAP_SECONDS_DEFAULT)]
    pub(crate) overlap_seconds: i64,
}

/// Which calls to show.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeliveriesOptions {
    #[command(flatten)]
    pub(crate) operator: OperatorOptions,
    /// Of this brand's customers
    #[arg(long)]
    pub(crate) brand: Option<String>,
    /// With this status: queued, delivered, refused, dead or superseded
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// About this customer
    #[arg(long)]
    pub(crate) customer_id: Option<i64>,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000))]
    pub(crate) limit: i64,
}

/// Which call to send again.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReplayOptions {
    #[command(flatten)]
    pub(crate) operator: OperatorOptions,
    /// The call's id
    pub(crate) id: i64,
}

/// How to reconcile.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReconcileOptions {
    #[command(flatten)]
    pub(crate) tenant: TenantOptions,
    /// Tell the platform our state again where it differs (`crm_owns` only)
    #[arg(long)]
    pub(crate) push: bool,
    /// Where to go on, as a run that failed told; from the first customer if absent
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}

/// How to play a platform.
#[derive(Debug, Clone, Args)]
pub(crate) struct SimulateOptions {
    /// Address on which the platform's endpoints listen
    #[arg(long, default_value = "127.0.0.1:8091")]
    pub(crate) listen: SocketAddr,
    /// The tenant whose webhooks are sent; with `--webhook-secret-file`
    #[arg(long)]
    pub(crate) slug: Option<String>,
    /// Where webhooks are sent
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// File with the secret that signs webhooks; without it none are sent
    #[arg(long, requires = "slug")]
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// File with the secret that calls must be signed with
    #[arg(long)]
    pub(crate) outbound_secret_file: Option<PathBuf>,
    /// The same seed plays the same players and outages again
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Players whose stories are told by webhooks
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) players: u32,
    /// Webhooks a second
    #[arg(long, default_value = "10")]
    pub(crate) rate: std::num::NonZeroU32,
    /// How calls are answered: `prompt`, `hang`, `mute`, `drop`, `garbage`, `too-long`, `refuse:CODE:MESSAGE`,
    /// `status:503[:RETRY_AFTER]` or `outages:SEED:PERCENT`
    #[arg(long, default_value = "prompt")]
    pub(crate) behaviour: kyc_simulator::platform::Behaviour,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// Check every chain: exit 0 and a count, or 1 and the first row that does not fit
    Verify(VerifyOptions),
    /// Write the whole log as JSON lines to standard output
    Export(DataDirOptions),
}

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataDirOptions {
    /// Folder of databases, files and keys
    #[arg(long, env = "KYCD_DATA_DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,
}

/// What to check.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    pub(crate) data: DataDirOptions,
    /// Check this export in place of a database
    #[arg(long)]
    pub(crate) export: Option<PathBuf>,
}

/// How to serve.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeOptions {
    /// A TOML file with any of these settings, by their names with underscores
    #[arg(long, env = "KYCD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataDirOptions,
    /// Address of the HTTP listener
    #[arg(long, env = "KYCD_HTTP", default_value = "127.0.0.1:8080")]
    pub(crate) http: SocketAddr,
    /// Address of the TCP listener
    #[arg(long, env = "KYCD_TCP", default_value = "127.0.0.1:8090")]
    pub(crate) tcp: SocketAddr,
    /// Certificate chain (PEM); with it both listeners speak TLS
    #[arg(long, env = "KYCD_TLS_CERT", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, env = "KYCD_TLS_KEY", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tokens: TokenSettings,
    #[command(flatten)]
    pub(crate) platforms: PlatformSettings,
    /// Webhooks taken from one address (a second, five times as many at once; 0 for any number)
    #[arg(long, env = "KYCD_WEBHOOK_SOURCE_RATE", default_value_t = 500)]
    pub(crate) webhook_source_rate: u32,
    /// Largest JSON body of a request (bytes)
    #[arg(long, env = "KYCD_BODY_BYTES_MAX", default_value_t = kyc_core::limits::BODY_BYTES_MAX, value_parser = at_least_1k)]
    pub(crate) body_bytes_max: usize,
    /// Largest TCP frame (bytes)
    #[arg(long, env = "KYCD_FRAME_BYTES_MAX", default_value_t = kyc_core::limits::BODY_BYTES_MAX, value_parser = at_least_1k)]
    pub(crate) frame_bytes_max: usize,
    /// Largest uploaded file (bytes)
    #[arg(long, env = "KYCD_FILE_BYTES_MAX", default_value_t = kyc_core::limits::FILE_BYTES_MAX)]
    pub(crate) file_bytes_max: u64,
    /// Connections served at once, of each listener
    #[arg(long, env = "KYCD_CONNECTIONS_MAX", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) connections_max: u32,
    /// How long a connection may send nothing, or read nothing (seconds)
    #[arg(long, env = "KYCD_IDLE_SECONDS_MAX", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) idle_seconds_max: u64,
    /// How long a peer may take for a request's head, or between two parts of its body, or to take a reply (seconds)
    #[arg(long, env = "KYCD_STALL_SECONDS_MAX", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) stall_seconds_max: u64,
    /// Replies kept in memory (bytes; 0 for none)
    #[arg(long, env = "KYCD_CACHE_BYTES", default_value_t = 256 * 1024 * 1024)]
    pub(crate) cache_bytes: u64,
    /// Threads that read the database
    #[arg(long, env = "KYCD_READERS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) readers: u16,
    /// What is logged: error, warn, info, debug, trace, or filters by module
    #[arg(long, env = "KYCD_LOG", default_value = "info")]
    pub(crate) log: String,
}

/// How tenants' platforms are reached, and their secrets kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlatformSettings {
    /// File with the master key that seals tenants' secrets: 64 hexadecimal digits, readable by its owner only; made in
    /// the data directory if it is not set
    #[arg(long, env = "KYCD_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Certificates (PEM) beside the system's by which platforms are trusted
    #[arg(long, env = "KYCD_OUTBOUND_CA_FILE")]
    pub(crate) outbound_ca_file: Option<PathBuf>,
}

/// Which tokens are accepted.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the names are those of the flags")]
pub(crate) struct TokenSettings {
    /// Algorithm of accepted tokens: EdDSA, HS256, RS256 or ES256
    #[arg(long, env = "KYCD_TOKEN_ALGORITHM", default_value = "EdDSA")]
    pub(crate) token_algorithm: kyc_jwt::Algorithm,
    /// File with the shared secret of HS256, at least 32 bytes
    #[arg(long, env = "KYCD_TOKEN_SECRET_FILE")]
    pub(crate) token_secret_file: Option<PathBuf>,
    /// JWKS file with the public keys of tokens made elsewhere
    #[arg(long, env = "KYCD_TOKEN_JWKS_FILE")]
    pub(crate) token_jwks_file: Option<PathBuf>,
    /// `iss` that tokens must carry
    #[arg(long, env = "KYCD_TOKEN_ISSUER")]
    pub(crate) token_issuer: Option<String>,
    /// `aud` that tokens must carry
    #[arg(long, env = "KYCD_TOKEN_AUDIENCE")]
    pub(crate) token_audience: Option<String>,
}

/// Whom a token is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct TokenOptions {
    #[command(flatten)]
    pub(crate) data: DataDirOptions,
    #[command(flatten)]
    pub(crate) tokens: TokenSettings,
    /// Session: `SESSION_MANAGER`, `SESSION_ADMIN`, `SESSION_CUSTOMER`, …
    #[arg(long, value_parser = session)]
    pub(crate) role: kyc_core::status::Session,
    /// Who: the name that stands in the audit
    #[arg(long)]
    pub(crate) sub: String,
    /// A brand the token may see; may be given several times; every brand if absent
    #[arg(long)]
    pub(crate) brand: Vec<String>,
    /// The customer, for `SESSION_CUSTOMER`
    #[arg(long)]
    pub(crate) customer_id: Option<i64>,
    /// How long it holds: a number with s, m, h or d
    #[arg(long, default_value = "8h", value_parser = duration_seconds)]
    pub(crate) ttl: i64,
}

fn model(text: &str) -> Result<kyc_core::status::KycModel, String> {
    let names = || kyc_core::status::KycModel::ALL.iter().map(|model| model.name());
    let found = kyc_core::status::KycModel::from_name(text);
    found.ok_or_else(|| format!("must be one of {}", names().collect::<Vec<_>>().join(", ")))
}

fn secret_kind(text: &str) -> Result<kyc_core::status::SecretKind, String> {
    let found = kyc_core::status::SecretKind::from_name(text);
    found.ok_or_else(|| "must be webhook or outbound".to_owned())
}

fn at_least_1k(text: &str) -> Result<usize, String> {
    text.parse::<usize>()
        .ok()
        .filter(|bytes| *bytes >= 1_024)
        .ok_or_else(|| "must be a number of at least 1024".to_owned())
}

fn session(text: &str) -> Result<kyc_core::status::Session, String> {
    let all = kyc_core::status::Session::ALL;
    let found = all
        .iter()
        .find(|(_, _, name)| *name == text)
        .map(|(session, _, _)| *session);
    found
        .filter(|session| *session != kyc_core::status::Session::System)
        .ok_or_else(|| {
            let names: Vec<_> = all
                .iter()
                .map(|(_, _, name)| *name)
                .filter(|name| *name != "SESSION_SYSTEM")
                .collect();
            format!("must be one of {}", names.join(", "))
        })
}

fn duration_seconds(text: &str) -> Result<i64, String> {
    let wrong = || "must be a number with s, m, h or d, like 8h, of at most 3650 days".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: i64 = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    number
        .checked_mul(factor)
        .filter(|seconds| (1..=3_650 * 86_400).contains(seconds))
        .ok_or_else(wrong)
}

/// Reads the command line. A bad setting is one clear line and exit 2.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Action, clap::Error> {
    let args: Vec<OsString> = args.collect();
    let mut command = Line::command();
    if let Some(file) = config_file(&args) {
        command = with_defaults_from(command, &file)?;
    }
    let matches = command.try_get_matches_from(args)?;
    let mut action = Line::from_arg_matches(&matches)?.action;
    if let Action::Demo(options) = &mut action
        && options.data.data_dir == Path::new("./data")
    {
        options.data.data_dir = PathBuf::from("./data-demo");
    }
    Ok(action)
}

/// The file named by `--config`, or else by the environment.
fn config_file(args: &[OsString]) -> Option<PathBuf> {
    let flags = args.iter().zip(args.iter().skip(1).map(Some).chain([None]));
    let mut named = flags.filter_map(|(flag, next)| match flag.to_str()?.strip_prefix("--config")? {
        "" => next.map(PathBuf::from),
        rest => rest.strip_prefix('=').map(PathBuf::from),
    });
    named
        .next()
        .or_else(|| std::env::var_os("KYCD_CONFIG").map(PathBuf::from))
}

/// The file's settings become the defaults of `serve` and `demo`, which flags and environment override.
fn with_defaults_from(command: Command, file: &Path) -> Result<Command, clap::Error> {
    let refuse = |message: String| Line::command().error(ErrorKind::ValueValidation, message);
    let text = std::fs::read_to_string(file).map_err(|error| refuse(format!("{}: {error}", file.display())))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error| refuse(format!("{}: {error}", file.display())))?;
    let mut defaults = Vec::new();
    for (name, value) in table {
        let known = ServeOptions::augment_args(Command::new(""))
            .get_arguments()
            .any(|arg| arg.get_id() == name.as_str());
        if !known || name == "config" {
            return Err(refuse(format!(
                "{}: `{name}` is no setting; see `kycd serve --help`",
                file.display()
            )));
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            _ => return Err(refuse(format!("{}: `{name}` must be text or a number", file.display()))),
        };
        defaults.push((name, text));
    }
    Ok(["serve", "demo"].into_iter().fold(command, |command, sub| {
        command.mut_subcommand(sub, |sub| {
            defaults.iter().fold(sub, |sub, (name, text)| {
                let text = text.clone();
                sub.mut_arg(name.clone(), |arg| arg.default_value(text))
            })
        })
    }))
}
