//! Every setting's path, shape and range, in one table.

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// A whole number within the range, ends included.
    Whole { min: u64, max: u64 },
    /// A number of bytes, also written as `50MB` or `64MiB`, within the range, ends included.
    Bytes { min: u64, max: u64 },
    /// A text that is not empty.
    Text,
    /// `true` or `false`.
    Flag,
    /// One word of the list.
    Choice(&'static [&'static str]),
    /// A text that may be empty.
    Free,
    /// A text that is never shown and may be empty.
    Secret,
    /// A name that fits into a certificate and a key of the store: small letters, digits and `-`.
    Name,
    /// One or more short names, as a list or separated by commas or `+`.
    Names,
    /// Words of the list, at least one.
    Words(&'static [&'static str]),
    /// Addresses such as `10.0.0.7:7700`, as a list or separated by commas; may be empty.
    Hosts,
    /// Addresses or networks such as `10.0.0.0/8`, as a list or separated by commas; may be empty.
    Networks,
    /// A path that may be empty; a leading `~` is the home directory.
    FreePath,
    /// A path; a leading `~` is the home directory.
    Path,
    /// An address and port, such as `127.0.0.1:8080`.
    Socket,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Its section and name, such as `http.listen`.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
}

impl Key {
    /// The variable that sets it, such as `RAG_ENABLER_HTTP_LISTEN`.
    pub(crate) fn variable(&self) -> String {
        format!("{}{}", crate::environment::PREFIX, self.path.replace('.', "_").to_ascii_uppercase())
    }
}

const fn whole(path: &'static str, min: u64, max: u64) -> Key {
    Key { path, kind: Kind::Whole { min, max } }
}

const fn bytes(path: &'static str, min: u64, max: u64) -> Key {
    Key { path, kind: Kind::Bytes { min, max } }
}

const fn of(path: &'static str, kind: Kind) -> Key {
    Key { path, kind }
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The table; the order is that of `default.toml`.
pub(crate) const KEYS: &[Key] = &[
    of("http.listen", Kind::Socket),
    bytes("http.upload_bytes_max", 1_000, 50_000_000),
    whole("http.uploads_max", 1, 1_000),
    whole("http.requests_max", 1, 100_000),
    whole("http.streams_max", 1, 100_000),
    whole("http.connections_max", 1, 100_000),
    whole("http.question_chars_max", 3, 1_000),
    whole("http.request_seconds_max", 1, 3_600),
    whole("http.upload_seconds_max", 1, 86_400),
    whole("http.shutdown_seconds_max", 0, 3_600),
    whole("http.rate_per_address", 0, 1_000_000_000),
    whole("http.rate_per_key", 0, 1_000_000_000),
    of("http.trusted_proxies", Kind::Networks),
    of("auth.jwks_url", Kind::Free),
    of("auth.issuer", Kind::Free),
    of("auth.audience", Kind::Free),
    of("auth.tenant_claim", Kind::Text),
    of("data.dir", Kind::Path),
    of("node.name", Kind::Name),
    of("node.roles", Kind::Words(&["all", "api", "documents", "ocr", "embedding", "generation", "rules"])),
    of("cluster.listen", Kind::Free),
    of("cluster.advertise", Kind::Free),
    of("cluster.discovery", Kind::Choice(&["seeds", "dns", "store"])),
    of("cluster.seeds", Kind::Hosts),
    of("cluster.authority", Kind::FreePath),
    of("cluster.certificate", Kind::FreePath),
    of("cluster.key", Kind::FreePath),
    whole("cluster.lease_seconds", 1, 600),
    whole("cluster.replicas", 0, 16),
    whole("cluster.drain_seconds", 0, 3_600),
    whole("cluster.find_seconds", 1, 600),
    of("models.dir", Kind::Path),
    of("models.embedding", Kind::Text),
    of("models.generation", Kind::Text),
    whole("models.threads", 0, 1_024),
    of("models.precision", Kind::Choice(&["auto", "f32", "int8"])),
    of("providers.ollama_url", Kind::Secret),
    of("providers.aws_region", Kind::Free),
    of("providers.bedrock_endpoint", Kind::Free),
    of("providers.textract_endpoint", Kind::Free),
    of("providers.aws_access_key", Kind::Free),
    of("providers.aws_secret_key", Kind::Secret),
    whole("storage.shard_count", 1, 1_024),
    of("storage.url", Kind::Free),
    of("storage.endpoint", Kind::Free),
    of("storage.region", Kind::Text),
    of("storage.path_style", Kind::Choice(&["no", "yes"])),
    of("storage.access_key", Kind::Free),
    of("storage.secret_key", Kind::Secret),
    whole("reading.workers", 0, 256),
    of("reading.ocr", Kind::Choice(&["tesseract", "textract"])),
    of("reading.ocr_fallback", Kind::Choice(&["none", "tesseract"])),
    of("reading.languages", Kind::Names),
    bytes("reading.memory_bytes_max", 128 * MIB, 64 * GIB),
    whole("reading.page_seconds_max", 1, 3_600),
    whole("reading.document_seconds_max", 1, 86_400),
    whole("reading.pages_max", 1, 10_000),
    whole("chunking.tokens_max", 32, 500),
    whole("chunking.overlap_tokens", 0, 250),
    whole("embedding.queue_max", 1, 1_000_000),
    whole("embedding.batch_tokens_max", 512, 1_000_000),
    whole("generation.streams_max", 1, 256),
    whole("generation.queue_max", 1, 10_000),
    whole("generation.answer_tokens_max", 16, 4_096),
    of("rules.dir", Kind::Path),
    whole("rules.look_seconds", 1, 86_400),
    whole("retrieval.top_k", 1, 20),
    bytes("cache.bytes_max", MIB, 64 * GIB),
    of("cache.url", Kind::Free),
    of("cache.username", Kind::Free),
    of("cache.password", Kind::Secret),
    of("cache.authority", Kind::FreePath),
    whole("cache.answers_hours", 0, 8_760),
    whole("cache.embeddings_days", 0, 365),
    whole("cache.ocr_days", 0, 365),
    whole("cache.sessions_minutes", 0, 60),
    whole("retention.days", 1, 36_500),
    of("answers.record", Kind::Choice(&["off", "facts", "words"])),
    whole("recurring.retention_hours", 0, 8_760),
    whole("recurring.dead_letters_hours", 0, 8_760),
    whole("recurring.dead_letters_days", 0, 36_500),
    whole("recurring.erasure_hours", 0, 8_760),
    whole("recurring.index_refresh_hours", 0, 8_760),
    whole("recurring.quality_hours", 0, 8_760),
    whole("supervision.restarts_max", 0, 1_000),
    whole("supervision.period_seconds", 1, 86_400),
    of("operator.actions", Kind::Flag),
    of("log.filter", Kind::Text),
    of("log.format", Kind::Choice(&["text", "json"])),
    of("telemetry.metrics", Kind::Flag),
    of("telemetry.listen", Kind::Socket),
    of("telemetry.emf", Kind::Flag),
    of("telemetry.emf_namespace", Kind::Text),
    whole("telemetry.emf_seconds", 1, 3_600),
    of("telemetry.traces_endpoint", Kind::Free),
    of("telemetry.traces_headers", Kind::Secret),
    whole("telemetry.traces_per_million", 0, 1_000_000),
];

/// The setting at `path`.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The name of `names` that `written` most likely meant.
pub(crate) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::jaro_winkler(written, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
