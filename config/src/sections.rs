//! The typed settings, one struct per section of `default.toml`.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::secret::Secret;
use crate::value::Value;

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

section! {
    /// Every setting.
    Settings {
        /// The API's door.
        http: Http,
        /// Who is let in beside those who have an API key.
        auth: Auth,
        /// The node's directory.
        data: Data,
        /// This node.
        node: Node,
        /// The other nodes.
        cluster: Cluster,
        /// Which models, and how they compute.
        models: Models,
        /// Models of others.
        providers: Providers,
        /// The store.
        storage: Storage,
        /// The OCR pool and its limits on hostile files.
        reading: Reading,
        /// How pages are cut.
        chunking: Chunking,
        /// The embedding pool.
        embedding: Embedding,
        /// The model hosts.
        generation: Generation,
        /// Rule sets.
        rules: Rules,
        /// Search.
        retrieval: Retrieval,
        /// The cache.
        cache: Cache,
        /// How long documents live.
        retention: Retention,
        /// What is kept of answers.
        answers: Answers,
        /// Work that recurs.
        recurring: Recurring,
        /// Restarts.
        supervision: Supervision,
        /// What operators may do.
        operator: Operator,
        /// Logging.
        log: Log,
        /// What is told to those who watch nodes.
        telemetry: Telemetry,
    }
}

section! {
    /// The API's door.
    Http {
        /// Where it listens.
        listen: SocketAddr,
        /// The largest file of one upload, in bytes.
        upload_bytes_max: u64,
        /// Uploads that may be arriving at one time.
        uploads_max: usize,
        /// Requests in work at one time.
        requests_max: usize,
        /// Answers that are told as streams at one time.
        streams_max: usize,
        /// Open connections.
        connections_max: usize,
        /// The longest question, in characters.
        question_chars_max: usize,
        /// A request's deadline, in seconds.
        request_seconds_max: u64,
        /// An upload's deadline, in seconds.
        upload_seconds_max: u64,
        /// How long a stopping node waits for requests in work, in seconds.
        shutdown_seconds_max: u64,
        /// Requests of one address in a minute, over all nodes; 0 for no limit.
        rate_per_address: u64,
        /// Requests of one API key or subject in a minute, over all nodes; 0 for no limit.
        rate_per_key: u64,
        /// Addresses or networks of the proxies whose `X-Forwarded-For` is believed.
        trusted_proxies: Vec<String>,
    }
}

section! {
    /// Who is let in beside those who have an API key.
    Auth {
        /// Where the public keys of tokens are; empty when tokens are not taken.
        jwks_url: String,
        /// The only issuer whose tokens are taken.
        issuer: String,
        /// The only audience whose tokens are taken.
        audience: String,
        /// The claim that names the tenant.
        tenant_claim: String,
    }
}

section! {
    /// The node's directory.
    Data {
        /// Store, indexes, key and address are in it; `~` is already resolved.
        dir: PathBuf,
    }
}

section! {
    /// This node.
    Node {
        /// Its name, unique in its cluster.
        name: String,
        /// What it runs; `all` for everything.
        roles: Vec<String>,
    }
}

section! {
    /// The other nodes.
    Cluster {
        /// Where other nodes reach this one; empty for a node that is alone.
        listen: String,
        /// The address that other nodes are told, if it is not `listen`.
        advertise: String,
        /// How other nodes are found: `seeds`, `dns` or `store`.
        discovery: String,
        /// Addresses of some nodes; for `dns` a name and port that stands for all of them.
        seeds: Vec<String>,
        /// The certificate of the authority that signed every node's, as PEM.
        authority: PathBuf,
        /// This node's certificate, as PEM.
        certificate: PathBuf,
        /// This node's key, as PEM.
        key: PathBuf,
        /// How long an owner that is not heard keeps its shards, in seconds.
        lease_seconds: u64,
        /// Nodes that follow each shard beside its owner.
        replicas: usize,
        /// How long a stopping node may take to hand its shards over, in seconds.
        drain_seconds: u64,
        /// How long a request looks for the owner of its shard, in seconds.
        find_seconds: u64,
    }
}

section! {
    /// Which models, and how they compute.
    Models {
        /// One directory per model is in it; `~` is already resolved.
        dir: PathBuf,
        /// The embedding model's name, or `default`.
        embedding: String,
        /// The language model's name, or `auto`.
        generation: String,
        /// Threads that compute; 0 for every core.
        threads: usize,
        /// `auto`, `f32` or `int8`.
        precision: String,
    }
}

section! {
    /// Models of others; each is used when `models` or `reading.ocr` names it, and never otherwise.
    Providers {
        /// Where an Ollama server is, such as `http://127.0.0.1:11434`; empty for none.
        ollama_url: Secret,
        /// The region of Amazon's services, such as `sa-east-1`; empty when none is used.
        aws_region: String,
        /// Where Bedrock is, instead of its public address in the region; empty for that.
        bedrock_endpoint: String,
        /// Where Textract is, instead of its public address in the region; empty for that.
        textract_endpoint: String,
        /// The access key; empty for what the machine has (a task role, the usual variables).
        aws_access_key: String,
        /// Its secret.
        aws_secret_key: Secret,
    }
}

section! {
    /// The store.
    Storage {
        /// Shards of a new store.
        shard_count: u32,
        /// `s3://bucket/prefix`, `dir:path`, or empty for the data directory.
        url: String,
        /// Where an S3-compatible server is; empty for AWS.
        endpoint: String,
        /// The bucket's region.
        region: String,
        /// Whether the bucket stands in the path: `yes` or `no`.
        path_style: String,
        /// The access key; empty for what the machine has (a task role, the usual variables).
        access_key: String,
        /// Its secret.
        secret_key: Secret,
    }
}

section! {
    /// The OCR pool and its limits on hostile files.
    Reading {
        /// Pages read at one time; 0 for one less than the cores.
        workers: usize,
        /// Who recognises pages that are pictures: `tesseract`, on the node, or `textract`.
        ocr: String,
        /// Who does when `textract` does not: `none` or `tesseract`.
        ocr_fallback: String,
        /// Languages as tesseract names them.
        languages: Vec<String>,
        /// Memory of one reading process, in bytes.
        memory_bytes_max: u64,
        /// A page's deadline, in seconds.
        page_seconds_max: u64,
        /// A document's deadline, in seconds.
        document_seconds_max: u64,
        /// The most pages of a document.
        pages_max: u32,
    }
}

section! {
    /// How pages are cut.
    Chunking {
        /// The largest chunk, in tokens of the embedding model.
        tokens_max: usize,
        /// Tokens that a chunk repeats from the one before it; at most half of `tokens_max`.
        overlap_tokens: usize,
    }
}

section! {
    /// The embedding pool.
    Embedding {
        /// Texts that may wait.
        queue_max: usize,
        /// Tokens in one batch.
        batch_tokens_max: usize,
    }
}

section! {
    /// The model hosts.
    Generation {
        /// Answers written at one time.
        streams_max: usize,
        /// Questions that may wait for a stream.
        queue_max: usize,
        /// The longest answer, in tokens.
        answer_tokens_max: usize,
    }
}

section! {
    /// Rule sets.
    Rules {
        /// The node's own folder of rules files, `~` resolved; a relative one lies in the data directory.
        dir: PathBuf,
        /// How often a new version is looked for, in seconds.
        look_seconds: u64,
    }
}

section! {
    /// Search.
    Retrieval {
        /// Passages given to the language model when a question does not say.
        top_k: usize,
    }
}

section! {
    /// The cache.
    Cache {
        /// Memory of the in-process cache, in bytes.
        bytes_max: u64,
        /// A Redis: `redis://host:port`, `rediss://` with TLS, `redis-cluster://`; empty for none.
        url: String,
        /// Its user; empty for the default one.
        username: String,
        /// Its password; empty for none.
        password: Secret,
        /// The certificate of the authority that signed its certificate, as PEM; empty for the system's.
        authority: PathBuf,
        /// How long answers are kept, in hours.
        answers_hours: u64,
        /// How long embeddings are kept, in days.
        embeddings_days: u64,
        /// How long OCR results are kept, in days.
        ocr_days: u64,
        /// How long a conversation that has gone silent is kept, in minutes.
        sessions_minutes: u64,
    }
}

section! {
    /// How long documents live.
    Retention {
        /// Days until a document is erased.
        days: u64,
    }
}

section! {
    /// What is kept of answers.
    Answers {
        /// `off`, `facts` (no words of questions or answers) or `words`.
        record: String,
    }
}

section! {
    /// Work that recurs, on one node of all; with every pause 0 there is none.
    Recurring {
        /// Hours between two runs of the retention; 0 for only when somebody asks.
        retention_hours: u64,
        /// Hours between two sweeps of dead letters; 0 for only when somebody asks.
        dead_letters_hours: u64,
        /// Days after which a dead letter is put aside; 0 for never.
        dead_letters_days: u64,
        /// Hours between two tries of erasures that are open; 0 for only when somebody asks.
        erasure_hours: u64,
        /// Hours between two looks for documents that were made with another embedding model or chunker; 0 for only when
        /// somebody asks.
        index_refresh_hours: u64,
        /// Hours between two runs of the suites of questions; 0 for only when somebody asks.
        quality_hours: u64,
    }
}

section! {
    /// Restarts.
    Supervision {
        /// Restarts of one actor within the period before its supervisor escalates.
        restarts_max: u32,
        /// The period, in seconds.
        period_seconds: u64,
    }
}

section! {
    /// What operators may do.
    Operator {
        /// Whether they may act, beside looking.
        actions: bool,
    }
}

section! {
    /// Logging.
    Log {
        /// A filter such as `info,enabler_storage=debug`.
        filter: String,
        /// `text` or `json`.
        format: String,
    }
}

section! {
    /// What is told to those who watch nodes.
    Telemetry {
        /// Whether metrics are told.
        metrics: bool,
        /// Where they are asked for, with no key: it is for the network of whoever watches alone.
        listen: SocketAddr,
        /// Whether the metrics that CloudWatch watches are written to standard output too.
        emf: bool,
        /// The namespace that they have there.
        emf_namespace: String,
        /// Seconds between two times.
        emf_seconds: u64,
        /// Where traces go, over OTLP/HTTP; empty for none.
        traces_endpoint: String,
        /// Headers for whoever takes them, such as `Authorization=Basic …`, separated by commas.
        traces_headers: Secret,
        /// Of a million traces that begin here, how many are recorded.
        traces_per_million: u32,
    }
}

impl Settings {
    /// Builds the typed settings from values that were read and checked.
    pub(crate) fn from_values<O>(values: &[(&'static str, Value, O)]) -> Result<Self, String> {
        let mut table = toml::Table::new();
        for (path, value, _) in values {
            let (section, name) = path.split_once('.').unwrap_or((path, ""));
            let value = match value {
                Value::Whole(number) => i64::try_from(*number).unwrap_or(i64::MAX).into(),
                Value::Text(text) | Value::Secret(text) => text.clone().into(),
                Value::Flag(flag) => (*flag).into(),
                Value::Names(names) => toml::Value::from(names.clone()),
            };
            let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
            if let Some(section) = section.as_table_mut() {
                section.insert(name.to_owned(), value);
            }
        }
        table.try_into().map_err(|error: toml::de::Error| error.to_string())
    }
}
