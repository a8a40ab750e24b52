//! What a span may say: a closed list, none of which has room for text of a document, a question, a key or a token.

/// The longest word of an attribute, in bytes: a path of actors with a document's id.
const WORD_BYTES_MAX: usize = 96;
/// What stands for a word that is none.
const OTHER: &str = "other";

/// A name that the program or its settings gave: a node, a model, an actor's path, a version. Never what a caller sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(Box<str>);

impl Word {
    /// The name, or `other` if it has characters that no such name has, or is too long.
    pub fn of(name: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+@".contains(&b);
        let is_word = !name.is_empty() && name.len() <= WORD_BYTES_MAX && name.bytes().all(plain);
        Word(if is_word { name } else { OTHER }.into())
    }
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A word.
    Text(&'a str),
    /// A count, a code or a time.
    Whole(u64),
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident($type:ty) = $key:literal, $value:ident;)*) => {
        /// One thing that a span says. To add one, add it to the table in `docs/telemetry.md` as well.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Attribute {
            $($(#[$doc])* $name($type),)*
        }

        impl Attribute {
            /// Every key there is.
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            /// Its key.
            pub fn key(&self) -> &'static str {
                match self {
                    $(Attribute::$name(_) => $key,)*
                }
            }

            /// Its value.
            pub fn value(&self) -> Value<'_> {
                match self {
                    $(Attribute::$name(value) => $value(value),)*
                }
            }
        }
    };
}

fn word(word: &Word) -> Value<'_> {
    Value::Text(&word.0)
}

fn fixed(text: &&'static str) -> Value<'static> {
    Value::Text(text)
}

fn whole(number: &u64) -> Value<'static> {
    Value::Whole(*number)
}

attributes! {
    /// The method of a request.
    Method(&'static str) = "http.request.method", fixed;
    /// The name of its route.
    Route(&'static str) = "http.route", fixed;
    /// The status of its answer.
    Status(u64) = "http.response.status_code", whole;
    /// The kind of an actor.
    ActorKind(&'static str) = "rag_enabler.actor.kind", fixed;
    /// Its place in the supervision tree.
    ActorPath(Word) = "rag_enabler.actor.path", word;
    /// The kind of the message that it handled.
    Message(&'static str) = "rag_enabler.actor.message", fixed;
    /// How long the message had waited, in microseconds.
    Waited(u64) = "rag_enabler.actor.waited_us", whole;
    /// The node at the other end of a link.
    Peer(Word) = "rag_enabler.peer", word;
    /// The kind of a call between nodes.
    Call(u64) = "rag_enabler.call.kind", whole;
    /// A shard.
    Shard(u64) = "rag_enabler.shard", whole;
    /// What was asked of the object store.
    StoreOperation(&'static str) = "rag_enabler.store.operation", fixed;
    /// How it ended.
    Outcome(&'static str) = "rag_enabler.outcome", fixed;
    /// How many texts.
    Texts(u64) = "rag_enabler.texts", whole;
    /// What a model was asked for: `chat` or `embeddings`.
    GenAiOperation(&'static str) = "gen_ai.operation.name", fixed;
    /// Whose model it is, under the name that many tools still look for.
    GenAiSystem(&'static str) = "gen_ai.system", fixed;
    /// Whose model it is.
    GenAiProvider(&'static str) = "gen_ai.provider.name", fixed;
    /// The model that was asked.
    GenAiModel(Word) = "gen_ai.request.model", word;
    /// Tokens of the prompt.
    GenAiInputTokens(u64) = "gen_ai.usage.input_tokens", whole;
    /// Tokens of the answer.
    GenAiOutputTokens(u64) = "gen_ai.usage.output_tokens", whole;
    /// The version of the program and its prompts.
    PromptVersion(Word) = "rag_enabler.prompt.version", word;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_attribute_stands_in_the_docs_once() {
        let docs = include_str!("../../../docs/telemetry.md");
        let keys: BTreeSet<&str> = Attribute::KEYS.iter().copied().collect();
        assert_eq!(keys.len(), Attribute::KEYS.len(), "a key twice");
        for key in keys {
            assert_eq!(docs.matches(&format!("`{key}`")).count(), 1, "{key}");
        }
    }

    #[test]
    fn what_is_no_name_is_not_told() {
        for name in ["node/shards/shard-3/document-0198", "ollama:llama3.2", "n1", "0.1.0-2"] {
            assert_eq!(word(&Word::of(name)), Value::Text(name));
        }
        let long = "x".repeat(WORD_BYTES_MAX + 1);
        for text in ["", "Quem assinou?", "two words", "chave=segredo", "é", "a\nb", &long] {
            assert_eq!(word(&Word::of(text)), Value::Text(OTHER), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_word_has_no_space_and_is_short(text in ".{0,200}") {
            let peer = Attribute::Peer(Word::of(&text));
            let Value::Text(told) = peer.value() else { panic!("a text") };
            prop_assert!(told.len() <= WORD_BYTES_MAX && !told.contains(char::is_whitespace));
        }
    }
}
