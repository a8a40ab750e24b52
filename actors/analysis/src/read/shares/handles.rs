//! The words by which a partition names things again.

use crate::profile::{List, Shares};
use crate::read::lists::{MARK, Record};
use crate::text::fold;

/// A word by which a thing is named again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) word: String,
    pub(super) thing: usize,
    /// Whether it says what the thing is, and not which.
    pub(super) weak: bool,
    /// Whether a thing of another list is called so too: only what is said beside it tells which is meant.
    pub(super) shared: bool,
}

/// Words by which things are named again, those that say which before those that say what, the longest first; `known`
/// are the persons who may have a part.
pub(super) fn handles(
    things: &[Record],
    origins: &[&List],
    shares: &Shares,
    known: &[String],
) -> Vec<Handle> {
    let names: Vec<String> =
        known.iter().flat_map(|name| fold(name).split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    let mut found: Vec<Handle> = Vec::new();
    let text = |record: &Record, key: &str| record.get(key).and_then(|found| found.value.as_str()).map(fold);
    for (at, record) in things.iter().enumerate() {
        let mut add = |word: String, weak: bool| {
            found.push(Handle { word, thing: at, weak, shared: false });
        };
        // What is described at length has words that name much else.
        let described = origins.get(at).is_some_and(|list| list.beside.is_some());
        if let Some(name) = text(record, &shares.thing_name) {
            let words = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            for word in words.take(if described { NAMING_WORDS } else { usize::MAX }) {
                let plain =
                    word.len() >= 3 && !GENERIC.contains(&word) && !word.chars().all(|c| c.is_ascii_digit());
                let elsewhere =
                    described && (PLACES.contains(&word) || names.iter().any(|name| name == word));
                if plain && !elsewhere {
                    add(word.to_owned(), WEAK.contains(&word));
                }
            }
            if described {
                leading(&name).into_iter().for_each(|word| add(word, false));
            }
            add(name, false);
        }
        for key in &shares.thing_keys {
            if let Some(value) = text(record, key) {
                let weak = !value.contains(|c: char| c.is_ascii_digit());
                add(value, weak);
            }
        }
        if let Some(mark) = text(record, MARK) {
            for word in ["letra", "item", "alinea", "linha", "numero", "subitem", "bem", "no", "n."] {
                for quote in ["", "\""] {
                    add(format!("{word} {quote}{mark}{quote}"), false);
                }
            }
        }
    }
    // A word that names two things names none, unless what is said beside it tells things of two lists apart.
    let all = found.clone();
    let list = |thing: usize| origins.get(thing).map(|list| list.at.as_str());
    let others = |one: &Handle, same_list: bool| {
        all.iter().any(|other| {
            other.word == one.word
                && other.thing != one.thing
                && (list(other.thing) == list(one.thing)) == same_list
        })
    };
    found.retain(|one| !others(one, true) && (one.weak || !others(one, false)));
    for one in &mut found {
        one.shared = others(one, false);
    }
    found.sort_by(|a, b| {
        (a.weak, b.word.len(), &a.word, a.thing).cmp(&(b.weak, a.word.len(), &b.word, b.thing))
    });
    found.dedup_by(|next, last| next.word == last.word && next.thing == last.thing);
    found
}

/// What a long description begins with, up to its first number, as others write it: "sala comercial no 812", "sala
/// comercial 812".
fn leading(name: &str) -> Vec<String> {
    let mut words: Vec<&str> = Vec::new();
    for word in name.split(' ').take(LEADING_WORDS) {
        let word = word.trim_end_matches(',');
        if !matches!(word, "no" | "n." | "n.o" | "numero") {
            words.push(word);
        }
        if words.len() > 1 && word.starts_with(|c: char| c.is_ascii_digit()) {
            let (number, what) = (words.pop().unwrap_or(""), words.join(" "));
            return vec![format!("{what} {number}"), format!("{what} no {number}")];
        }
    }
    Vec::new()
}

/// Words of a description up to its first number at most.
const LEADING_WORDS: usize = 6;

/// Words of a long description that name the thing; later ones tell where it lies and where it is registered.
const NAMING_WORDS: usize = 9;

/// Words of descriptions that stand in addresses and registers too.
const PLACES: &[&str] = &[
    "rua",
    "avenida",
    "av",
    "praca",
    "alameda",
    "travessa",
    "estrada",
    "rodovia",
    "bairro",
    "centro",
    "cidade",
    "municipio",
    "comarca",
    "estado",
    "matricula",
    "registro",
    "imoveis",
    "oficio",
    "situado",
    "situada",
    "localizado",
    "localizada",
    "metros",
    "quadrados",
    "area",
    "ano",
    "modelo",
    "cor",
    "marca",
    "placa",
    "renavam",
    "direito",
    "direitos",
    "parte",
    "ideal",
    "metade",
    "fracao",
    "lado",
    "andar",
    "bloco",
    "quadra",
    "uma",
    "um",
    "que",
    "sob",
    "livro",
    "agencia",
    "inscrito",
    "inscrita",
    "capital",
    "social",
    "sociedade",
    "empresa",
    "comercial",
    "residencial",
    "urbano",
    "urbana",
    "rural",
    "novo",
    "nova",
    "sao",
    "santa",
    "santo",
    "dom",
    "dona",
    "doutor",
    "coronel",
    "general",
    "norte",
    "sul",
    "leste",
    "oeste",
    "brasil",
    "federal",
    "economica",
    "denominado",
    "denominada",
    "bem",
    "bens",
    "item",
    "totalidade",
    "integralidade",
    "depositado",
    "depositados",
    "existente",
    "total",
    "segundo",
    "terceiro",
    "primeiro",
    "nominal",
    "unidade",
    "pelo",
    "pela",
    "por",
    "numa",
    "sobre",
    "sem",
    "ltda",
    "empresarial",
    "filhos",
    "irmaos",
    "netos",
    "comercio",
    "industria",
    "insumos",
    "produtos",
];

const GENERIC: &[&str] = &[
    "banco",
    "btg",
    "pactual",
    "dos",
    "das",
    "com",
    "numero",
    "pos-fixado",
    "prefixado",
    "preferenciais",
    "ordinarias",
    "credito",
    "letra",
    "valor",
    "mantida",
    "mantidas",
    "junto",
    "emissao",
    "agencia",
    "serie",
    "de",
    "do",
    "da",
    "pos",
    "fixado",
    "vencimento",
    "investimento",
    "investimentos",
    "fic",
    "fia",
    "digital",
    "servicos",
    "financeiros",
    "ltda",
    "titulo",
    "para",
    "corretora",
];
const WEAK: &[&str] = &[
    "saldo",
    "conta",
    "corrente",
    "fundo",
    "cotas",
    "quotas",
    "cdb",
    "lci",
    "lca",
    "acoes",
    "poupanca",
    "aplicacao",
    "caderneta",
    "cri",
    "cra",
    "debentures",
    "previdencia",
    "imovel",
    "apartamento",
    "casa",
    "terreno",
    "lote",
    "sala",
    "loja",
    "vaga",
    "box",
    "garagem",
    "gleba",
    "fazenda",
    "sitio",
    "chacara",
    "predio",
    "galpao",
    "veiculo",
    "automovel",
    "carro",
    "caminhao",
    "caminhonete",
    "camioneta",
    "motocicleta",
    "moto",
    "trator",
    "semoventes",
    "consorcio",
    "deposito",
    "quota",
];
