//! A caller as the rest of the house knows it: a name, a tenant, and what it may do.

use std::fmt;
use std::sync::Arc;

use crate::context::Tenant;

/// The tenant of whoever runs the nodes: its callers with [`Scope::Operate`] manage every tenant's keys and see the
/// supervision tree, in which ids of all tenants stand.
pub const OPERATOR_TENANT: &str = "default";

/// One thing that a caller may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read documents, ask and search.
    Read,
    /// Upload, delete and retry documents.
    Write,
    /// With [`OPERATOR_TENANT`]: see how the nodes are.
    Inspect,
    /// Manage keys; with [`OPERATOR_TENANT`] also see how the nodes are and act on them.
    Operate,
}

impl Scope {
    /// Every one, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Inspect, Self::Operate];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Inspect => "inspect",
            Self::Operate => "operate",
        }
    }

    /// The one called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Operate => 4,
            Self::Inspect => 8,
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether `scope` is among them; who may act may look.
    pub fn has(self, scope: Scope) -> bool {
        let is_implied = scope == Scope::Inspect && self.0 & Scope::Operate.bit() != 0;
        is_implied || self.0 & scope.bit() != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names, in a fixed order.
    pub fn names(self) -> Vec<&'static str> {
        Scope::ALL.into_iter().filter(|scope| self.0 & scope.bit() != 0).map(Scope::name).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Whoever sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The id of the API key, or the subject of the token.
    pub id: Arc<str>,
    /// Whose documents it sees.
    pub tenant: Tenant,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether it acts for whoever runs the nodes.
    pub is_operator: bool,
}

impl Caller {
    /// The caller `id` of `tenant`.
    pub fn new(id: &str, tenant: Tenant, scopes: Scopes) -> Self {
        let is_operator = tenant.name() == OPERATOR_TENANT && scopes.has(Scope::Operate);
        Self { id: id.into(), tenant, scopes, is_operator }
    }
}

/// The longest name of a tenant.
const TENANT_CHARS_MAX: usize = 64;

/// Whether `name` can name a tenant: it stands in logs and lists, so it is short and plain.
pub(crate) fn is_tenant(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    !name.is_empty() && name.len() <= TENANT_CHARS_MAX && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let some: Scopes = [Scope::Write].into_iter().collect();
        assert!(some.has(Scope::Write) && !some.has(Scope::Read) && !some.has(Scope::Operate));
        assert_eq!(Scopes::all().names(), ["read", "write", "inspect", "operate"]);
        let acts: Scopes = [Scope::Operate].into_iter().collect();
        let looks: Scopes = [Scope::Inspect].into_iter().collect();
        assert!(acts.has(Scope::Inspect) && !looks.has(Scope::Operate));
        assert_eq!((acts.names(), looks.names()), (vec!["operate"], vec!["inspect"]));
        assert!(Scopes::default().is_empty());
    }

    #[test]
    fn only_the_operators_tenant_makes_an_operator() {
        let of = |tenant, scopes| Caller::new("k", Tenant::new(tenant), scopes).is_operator;
        assert!(of(OPERATOR_TENANT, Scopes::all()));
        assert!(!of("ana", Scopes::all()));
        assert!(!of(OPERATOR_TENANT, [Scope::Read, Scope::Write].into_iter().collect()));
    }

    #[test]
    fn a_tenants_name_is_short_and_plain() {
        for good in ["default", "eu-west.bank_7", &"a".repeat(64)] {
            assert!(is_tenant(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "ação", "a\n", &"a".repeat(65)] {
            assert!(!is_tenant(bad), "{bad:?}");
        }
    }
}
