//! What a caller hears who is not let in, or asks for too much, in English and Portuguese.

use super::caller::Scope;
use crate::language::Language;
use crate::message::Message;
use crate::problem::{Kind, Problem};

/// Why a caller is not let in, or may not do what it asks for, with its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    KeyMissing,
    SchemeUnknown,
    KeyWrong,
    KeyExpired,
    KeyRevoked,
    KeysBusy { seconds: u64 },
    KeysUnreachable { seconds: u64 },
    TokensNotTaken,
    TokenMalformed { what: &'static str, portuguese: &'static str },
    TokenAlgorithm { got: String },
    TokenKeyUnknown { kid: Option<String> },
    TokenSignature,
    TokenExpired { seconds: u64 },
    TokenNotYet { seconds: u64 },
    TokenIssuer { got: String },
    TokenAudience,
    TokenClaimMissing { claim: String },
    TokenClaimWrong { claim: String },
    KeySetUnreachable { seconds: u64 },
    ScopeMissing { needed: Scope },
    OperatorOnly,
    KeyUnknown { id: String },
    KeyEnded { id: String },
    KeysTooMany { max: usize },
    RateLimited { is_address: bool, limit: u64, seconds: u64 },
}

/// Under which reason a refusal is counted.
pub(crate) enum Counted {
    /// It asks for too much.
    Refused(&'static str),
    /// It is not let in.
    NotLetIn(&'static str),
}

impl Said {
    /// Under which reason it is counted.
    pub(crate) fn counted(&self) -> Counted {
        Counted::NotLetIn(match self {
            Self::RateLimited { is_address: true, .. } => return Counted::Refused("rate_address"),
            Self::RateLimited { is_address: false, .. } => return Counted::Refused("rate_key"),
            Self::KeyMissing => "no_key",
            Self::KeysBusy { .. } | Self::KeysUnreachable { .. } => "store_away",
            Self::KeySetUnreachable { .. } => "issuer_away",
            Self::ScopeMissing { .. } | Self::OperatorOnly => "scope",
            Self::KeyExpired | Self::TokenExpired { .. } => "expired",
            Self::SchemeUnknown
            | Self::KeyWrong
            | Self::KeyRevoked
            | Self::KeyUnknown { .. }
            | Self::KeyEnded { .. }
            | Self::KeysTooMany { .. } => "unknown_key",
            Self::TokensNotTaken
            | Self::TokenMalformed { .. }
            | Self::TokenAlgorithm { .. }
            | Self::TokenKeyUnknown { .. }
            | Self::TokenSignature
            | Self::TokenNotYet { .. }
            | Self::TokenIssuer { .. }
            | Self::TokenAudience
            | Self::TokenClaimMissing { .. }
            | Self::TokenClaimWrong { .. } => "token",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::KeyMissing => Kind::KeyMissing,
            Self::KeyWrong | Self::SchemeUnknown => Kind::KeyWrong,
            Self::KeyExpired | Self::KeyRevoked => Kind::KeyEnded,
            Self::KeysBusy { .. } => Kind::Overloaded,
            Self::KeysUnreachable { .. } | Self::KeySetUnreachable { .. } => Kind::Unavailable,
            Self::TokenExpired { .. } => Kind::TokenExpired,
            Self::TokensNotTaken
            | Self::TokenMalformed { .. }
            | Self::TokenAlgorithm { .. }
            | Self::TokenKeyUnknown { .. }
            | Self::TokenSignature
            | Self::TokenNotYet { .. }
            | Self::TokenIssuer { .. }
            | Self::TokenAudience
            | Self::TokenClaimMissing { .. }
            | Self::TokenClaimWrong { .. } => Kind::TokenWrong,
            Self::ScopeMissing { .. } => Kind::ScopeMissing,
            Self::OperatorOnly => Kind::OperatorOnly,
            Self::KeyUnknown { .. } => Kind::KeyNotFound,
            Self::KeyEnded { .. } | Self::KeysTooMany { .. } => Kind::KeyConflict,
            Self::RateLimited { .. } => Kind::RateLimited,
        }
    }

    fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::KeysBusy { seconds }
            | Self::KeysUnreachable { seconds }
            | Self::KeySetUnreachable { seconds }
            | Self::RateLimited { seconds, .. } => Some(*seconds),
            _ => None,
        }
    }

    /// The message in `language`.
    pub(crate) fn text(&self, language: Language) -> String {
        let (english, portuguese) = self.both();
        match language {
            Language::English => english,
            Language::Portuguese => portuguese,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one table of messages is read side by side")]
    fn both(&self) -> (String, String) {
        match self {
            Self::KeyMissing => (
                "No API key was sent. Send yours in the header X-API-Key, or a token as Authorization: Bearer.".into(),
                "Nenhuma chave de API foi enviada. Envie a sua no cabeçalho X-API-Key, ou um token como Authorization: Bearer.".into(),
            ),
            Self::SchemeUnknown => (
                "The header Authorization holds no bearer token. Send Authorization: Bearer followed by the token, or your key in X-API-Key.".into(),
                "O cabeçalho Authorization não contém um token bearer. Envie Authorization: Bearer seguido do token, ou a sua chave em X-API-Key.".into(),
            ),
            Self::KeyWrong => (
                "The API key is not known here. Check that it was copied whole and belongs to this service.".into(),
                "A chave de API não é conhecida aqui. Verifique se foi copiada inteira e se é deste serviço.".into(),
            ),
            Self::KeyExpired => (
                "The API key has expired. Use the key that replaced it, or ask your operator for a new one.".into(),
                "A chave de API expirou. Use a chave que a substituiu ou peça uma nova ao operador.".into(),
            ),
            Self::KeyRevoked => (
                "The API key was revoked. Ask your operator for a new one.".into(),
                "A chave de API foi revogada. Peça uma nova ao operador.".into(),
            ),
            Self::KeysBusy { seconds } => (
                format!("Too many unknown API keys are being tried at the moment. Try again in {seconds} s."),
                format!("Há chaves de API desconhecidas demais sendo tentadas no momento. Tente novamente em {seconds} s."),
            ),
            Self::KeysUnreachable { seconds } => (
                format!("The API key cannot be checked at the moment. Try again in {seconds} s."),
                format!("A chave de API não pode ser verificada no momento. Tente novamente em {seconds} s."),
            ),
            Self::TokensNotTaken => (
                "Tokens are not taken here: no issuer is configured. Send an API key in X-API-Key.".into(),
                "Tokens não são aceitos aqui: nenhum emissor está configurado. Envie uma chave de API em X-API-Key.".into(),
            ),
            Self::TokenMalformed { what, portuguese } => (
                format!("The token is not a JSON Web Token: {what}. Check that it was copied whole."),
                format!("O token não é um JSON Web Token: {portuguese}. Verifique se foi copiado inteiro."),
            ),
            Self::TokenAlgorithm { got } => (
                format!("The token is signed with {got:?}; only RS256 and ES256 are taken."),
                format!("O token está assinado com {got:?}; só RS256 e ES256 são aceitos."),
            ),
            Self::TokenKeyUnknown { kid: Some(kid) } => {
                let kid: String = kid.chars().take(80).collect();
                (
                    format!("The token is signed with the key {kid:?}, which its issuer does not publish. Get a new token."),
                    format!("O token está assinado com a chave {kid:?}, que o emissor não publica. Obtenha um novo token."),
                )
            }
            Self::TokenKeyUnknown { kid: None } => (
                "The token does not say which key signed it (kid), and its issuer publishes several or none that fit.".into(),
                "O token não diz qual chave o assinou (kid), e o emissor publica várias ou nenhuma adequada.".into(),
            ),
            Self::TokenSignature => (
                "The token's signature is wrong: it was changed, or signed by somebody else. Get a new token.".into(),
                "A assinatura do token está errada: ele foi alterado ou assinado por outrem. Obtenha um novo token.".into(),
            ),
            Self::TokenExpired { seconds } => (
                format!("The token expired {seconds} s ago. Get a new one."),
                format!("O token expirou há {seconds} s. Obtenha um novo."),
            ),
            Self::TokenNotYet { seconds } => (
                format!("The token is valid only in {seconds} s (nbf). Wait, or check the clock of its issuer."),
                format!("O token só será válido em {seconds} s (nbf). Aguarde ou verifique o relógio do emissor."),
            ),
            Self::TokenIssuer { got } => (
                format!("The token is from the issuer {got:?}, which is not the one that is taken here (iss)."),
                format!("O token é do emissor {got:?}, que não é o aceito aqui (iss)."),
            ),
            Self::TokenAudience => (
                "The token is meant for another service (aud). Request one whose audience is this service.".into(),
                "O token é destinado a outro serviço (aud). Solicite um cuja audiência seja este serviço.".into(),
            ),
            Self::TokenClaimMissing { claim } => (
                format!("The token lacks the claim {claim:?}. Let its issuer add it."),
                format!("Falta ao token a declaração {claim:?}. Peça que o emissor a inclua."),
            ),
            Self::TokenClaimWrong { claim } => (
                format!("The token's claim {claim:?} has a value that cannot be used."),
                format!("A declaração {claim:?} do token tem um valor que não pode ser usado."),
            ),
            Self::KeySetUnreachable { seconds } => (
                format!("The token cannot be checked: its issuer's keys cannot be fetched at the moment. Try again in {seconds} s."),
                format!("O token não pode ser verificado: as chaves do emissor não podem ser obtidas no momento. Tente novamente em {seconds} s."),
            ),
            Self::ScopeMissing { needed } => {
                let needed = needed.name();
                (
                    format!("This needs the scope {needed}, which your key or token does not have. Ask your operator for one that has it."),
                    format!("Isto exige o escopo {needed}, que a sua chave ou token não tem. Peça ao operador uma chave que o tenha."),
                )
            }
            Self::OperatorOnly => (
                "This is for the operator of the service alone: a key of the tenant \"default\" with the scope inspect or operate.".into(),
                "Isto é reservado ao operador do serviço: uma chave do inquilino \"default\" com o escopo inspect ou operate.".into(),
            ),
            Self::KeyUnknown { id } => (
                format!("There is no API key {id}. GET /v1/keys lists yours."),
                format!("Não existe a chave de API {id}. GET /v1/keys lista as suas."),
            ),
            Self::KeyEnded { id } => (
                format!("The API key {id} has been revoked or has expired, so it cannot be rotated. Make a new one."),
                format!("A chave de API {id} foi revogada ou expirou e por isso não pode ser trocada. Crie uma nova."),
            ),
            Self::KeysTooMany { max } => (
                format!("There are {max} API keys already. Revoke those that are no longer used; they are removed after 30 days."),
                format!("Já existem {max} chaves de API. Revogue as que não são mais usadas; elas são removidas após 30 dias."),
            ),
            Self::RateLimited { is_address, limit, seconds } => {
                let (english, portuguese) =
                    if *is_address { ("address", "endereço") } else { ("key", "chave") };
                (
                    format!("This {english} has sent the {limit} requests that it may send in a minute. Try again in {seconds} s."),
                    format!("Este {portuguese} já enviou as {limit} requisições permitidas por minuto. Tente novamente em {seconds} s."),
                )
            }
        }
    }
}

impl From<Said> for Problem {
    fn from(said: Said) -> Self {
        let retry_after_seconds = said.retry_after_seconds();
        Self { retry_after_seconds, ..Self::new(said.kind(), Message::Access(said)) }
    }
}
