//! Who is asking, and what that caller may do: API keys, tokens and scopes.

mod caller;
mod credential;
pub(crate) mod door;
pub(crate) mod handlers;
mod key_set;
mod said;
mod store;
mod token;
mod tokens;

pub use caller::{Caller, OPERATOR_TENANT, Scope, Scopes};
pub use door::{Door, key_of};
pub use key_set::{KEY_SET_BYTES_MAX, KeySetSource};
pub(crate) use said::Said;
pub use store::{GRACE_SECONDS_MAX, KeyError, KeyStanding, KeyState, KeyStore, MadeKey, NewKey, StoredKey};
pub use tokens::{NowMs, TokenRules, Tokens};
