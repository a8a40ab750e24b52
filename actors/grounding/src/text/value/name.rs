//! Names of people, organisations and places, and what a person is: by capitals, by company endings, by lists.

use std::sync::LazyLock;

use regex::Regex;

use super::super::{Word, fold, is_function_word, words};
use super::{Value, ValueKind, pattern};

/// Ends of company names, folded.
const COMPANY_ENDS: &[&str] = &[
    "ltda",
    "eireli",
    "epp",
    "dtvm",
    "inc",
    "llc",
    "ltd",
    "corp",
    "plc",
    "gmbh",
    "limitada",
    "slu",
    "cia",
    "fii",
    "advogados",
    "associados",
    "llp",
];

/// First words of organisations, folded.
const ORGANISATION_STARTS: &[&str] = &[
    "banco",
    "empresa",
    "companhia",
    "universidade",
    "fundo",
    "nucleo",
    "secretaria",
    "associacao",
    "condominio",
    "cartorio",
    "hospital",
    "instituto",
    "fundacao",
    "ministerio",
    "prefeitura",
    "tribunal",
    "departamento",
    "diretoria",
    "construtora",
    "imobiliaria",
    "administradora",
    "cooperativa",
    "sindicato",
    "escola",
    "colegio",
    "faculdade",
    "editora",
    "grupo",
    "seguradora",
    "corretora",
    "oficio",
    "serventia",
    "igreja",
    "camara",
    "agencia",
    "conselho",
    "laboratorio",
    "clinica",
    "partido",
    "exercito",
    "marinha",
    "university",
    "bank",
    "company",
    "department",
    "institute",
    "ministry",
];

/// Nouns behind which a capitalised name is a company's (`a empresa Andaime Firme`), folded.
const ORGANISATION_NOUNS: &[&str] =
    &["empresa", "companhia", "firma", "sociedade", "construtora", "seguradora", "company", "firm"];

/// Words that stand capitalised in front of places, folded.
const PLACE_STARTS: &[&str] = &[
    "rua",
    "avenida",
    "av",
    "travessa",
    "praca",
    "alameda",
    "rodovia",
    "estrada",
    "largo",
    "comarca",
    "bairro",
    "edificio",
    "street",
    "avenue",
    "road",
    "cidade",
    "municipio",
    "estado",
    "ilha",
    "rio",
    "monte",
    "lago",
    "vila",
    "fazenda",
    "parque",
];

/// Capitalised words that begin no name of a person: titles of parts, months, roles and forms of address, folded.
const NOT_A_NAME: &[&str] = &[
    "clausula",
    "artigo",
    "capitulo",
    "secao",
    "anexo",
    "titulo",
    "pagina",
    "livro",
    "item",
    "protocolo",
    "parecer",
    "lei",
    "contrato",
    "ata",
    "assembleia",
    "data",
    "assunto",
    "interessado",
    "total",
    "soma",
    "passivo",
    "ativo",
    "valor",
    "cpf",
    "cnpj",
    "rg",
    "oab",
    "sr",
    "sra",
    "dr",
    "dra",
    "srs",
    "ordem",
    "encerramento",
    "presentes",
    "letra",
    "conta",
    "cotas",
    "quotas",
    "titulo",
    "casa",
    "galpao",
    "aos",
    "janeiro",
    "fevereiro",
    "marco",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
    "segunda",
    "terca",
    "quarta",
    "quinta",
    "sexta",
    "sabado",
    "domingo",
    "locador",
    "locadora",
    "locatario",
    "locataria",
    "fiador",
    "fiadora",
    "vendedor",
    "vendedora",
    "comprador",
    "compradora",
    "contratante",
    "contratada",
    "contratado",
    "testemunha",
    "testemunhas",
    "codigo",
    "civil",
    "federal",
    "clause",
    "section",
    "article",
    "agreement",
    "tenant",
    "landlord",
    "seller",
    "buyer",
    "supplier",
    "customer",
    "page",
    "date",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "mr",
    "mrs",
    "ms",
    "relatorio",
    "objeto",
    "prazo",
    "multa",
    "foro",
];

const PROFESSIONS: &str = "advogad[oa]|m[ée]dic[oa]|dentista|engenheir[oa]|professor[a]?|arquitet[oa]|contador[a]?|\
    enfermeir[oa]|taxista|m[úu]sic[oa]|costureir[oa]|empres[áa]ri[oa]|comerciante|comerci[áa]ri[oa]|aposentad[oa]|\
    servidor[a]? p[úu]blic[oa]|administrador[a]? de empresas|consultor[a]?(?: de [\\p{L} ]{3,30})?|analista(?: de [\\p{L}]+)?|motorista|agricultor[a]?|jornalista|\
    farmac[êe]utic[oa]|psic[óo]log[oa]|veterin[áa]ri[oa]|economista|programador[a]?|desenvolvedor[a]?|designer|\
    eletricista|pedreir[oa]|cozinheir[oa]|bibliotec[áa]ri[oa]|biólog[oa]|qu[íi]mic[oa]|ge[óo]log[oa]|fot[óo]graf[oa]|\
    artes[ãa][o]?|ator|atriz|cantor[a]?|policial|militar|bombeir[oa]|banc[áa]ri[oa]|corretor[a]?(?: de im[óo]veis)?|\
    estudante|do lar|padeir[oa]|marceneir[oa]|mec[âa]nic[oa]|t[ée]cnic[oa](?: em [\\p{L}]+)?|auditor[a]?|\
    lawyer|physician|doctor|teacher|engineer|architect|accountant|nurse|consultant|retired|farmer|journalist|carpenter";

static DESCRIPTIONS: LazyLock<Vec<(ValueKind, Regex)>> = LazyLock::new(|| {
    vec![
        (ValueKind::Profession, pattern(&format!(r"(?i)\b(?:{PROFESSIONS})\b"))),
        (
            ValueKind::CivilStatus,
            pattern(
                r"(?i)\b(?:solteir[oa]|casad[oa]|divorciad[oa]|vi[úu]v[oa]|separad[oa]|uni[ãa]o est[áa]vel|single|married|divorced|widow(?:ed|er)?)\b",
            ),
        ),
        (
            ValueKind::Nationality,
            pattern(
                r"(?i)\b(?:brasileir[oa]|portugu[êe]s[a]?|argentin[oa]|italian[oa]|espanhol[a]?|alem[ãa][o]?|franc[êe]s[a]?|japon[êe]s[a]?|american[oa]|urugai[oa]|chilen[oa]|boliviano|brazilian|american|british)\b",
            ),
        ),
        (
            ValueKind::Place,
            pattern(
                r"\b\p{Lu}[\p{L}]+(?:\s(?:d[aeo]s?\s)?\p{Lu}[\p{L}]+)*(?:,\s|/|\s-\s|-)(?:AC|AL|AP|AM|BA|CE|DF|ES|GO|MA|MT|MS|MG|PA|PB|PR|PE|PI|RJ|RN|RS|RO|RR|SC|SP|SE|TO)\b",
            ),
        ),
    ]
});

/// Names and descriptions of people in `text`.
pub(crate) fn names(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for (kind, shape) in DESCRIPTIONS.iter() {
        found.extend(shape.find_iter(text).map(|hit| Value {
            kind: *kind,
            start: hit.start(),
            end: hit.end(),
        }));
    }
    let list = words(text);
    let mut at = 0;
    while at < list.len() {
        let end = run_of_capitals(text, &list, at);
        if end > at {
            let called = at.checked_sub(1).and_then(|before| list.get(before)).is_some_and(|before| {
                ORGANISATION_NOUNS.contains(&before.folded.as_str())
                    && text[before.end..list[at].start].trim().is_empty()
            });
            push_name(text, &list[at..end], called, &mut found);
        }
        at = end.max(at + 1);
    }
    found
}

/// Capitalised words from `at` on, joined by blanks and by `de`, `da`, `e` between two capitals.
fn run_of_capitals(text: &str, list: &[Word], at: usize) -> usize {
    let capital =
        |word: &Word| word.capital && text[word.start..].starts_with(char::is_uppercase) && !word.digit;
    let close = |a: &Word, b: &Word| matches!(&text[a.end..b.start], " " | "\n" | " & " | ". " | "-" | ".");
    if !list.get(at).is_some_and(capital) {
        return at;
    }
    let mut end = at + 1;
    while let Some(word) = list.get(end) {
        let before = &list[end - 1];
        // A stop inside a name follows an initial or a short title only (`J. Silva`, `S.A.`).
        if !close(before, word)
            || (text[before.end..word.start].contains('.') && before.end - before.start > 2)
        {
            break;
        }
        if capital(word) {
            end += 1;
        } else if matches!(
            word.folded.as_str(),
            "de" | "da" | "do" | "das" | "dos" | "of" | "del" | "di" | "van" | "von"
        ) && list
            .get(end + 1)
            .is_some_and(|next| capital(next) && &text[word.end..next.start] == " ")
        {
            end += 2;
        } else {
            break;
        }
    }
    end
}

/// `called`: a word before the run says that what follows is a company.
fn push_name(text: &str, run: &[Word], called: bool, found: &mut Vec<Value>) {
    let skip = run
        .iter()
        .take_while(|word| NOT_A_NAME.contains(&word.folded.as_str()) || is_function_word(&word.folded))
        .count();
    let run = &run[skip..];
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    // An ending alone (`Cia.`) is the rest of a name that was not read, and names nobody.
    if run.len() == 1 && COMPANY_ENDS.contains(&first.folded.as_str()) {
        return;
    }
    let start = first.start;
    let mut end = last.end;
    let folded = fold(&text[start..end]);
    let company_end = run.iter().any(|word| COMPANY_ENDS.contains(&word.folded.as_str()))
        || folded.ends_with("s.a")
        || folded.ends_with("s/a")
        || text[end..].starts_with("/A");
    if text[end..].starts_with('.') && company_end {
        end += 1;
    }
    let starts = |list: &[&str]| list.contains(&first.folded.as_str());
    let kind = if company_end || called || starts(ORGANISATION_STARTS) {
        ValueKind::Organisation
    } else if starts(PLACE_STARTS) {
        ValueKind::Place
    } else if is_personal(text, run) {
        ValueKind::Person
    } else {
        ValueKind::Name
    };
    let end = if kind == ValueKind::Place { address_end(text, end) } else { end };
    found.push(Value { kind, start, end });
}

/// At least two words, not all capitals of a title unless short, none of them known to be something else.
fn is_personal(text: &str, run: &[Word]) -> bool {
    let named: Vec<&Word> = run.iter().filter(|word| word.capital).collect();
    let shouted = named.iter().all(|word| text[word.start..word.end].chars().all(char::is_uppercase));
    let odd = |word: &&Word| {
        let raw = &text[word.start..word.end];
        let inner_capital =
            raw.chars().skip(1).any(char::is_uppercase) && raw.chars().any(char::is_lowercase);
        inner_capital
            || NOT_A_NAME.contains(&word.folded.as_str())
            || ORGANISATION_STARTS.contains(&word.folded.as_str())
            || (!shouted && raw.chars().count() > 1 && raw.chars().all(char::is_uppercase))
    };
    (2..=7).contains(&named.len()) && !named.iter().any(odd) && !(shouted && text.contains('\n'))
}

/// `Rua das Acácias, 120, apto 34`: the number after the comma belongs to the address.
fn address_end(text: &str, end: usize) -> usize {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^,?\s+(?:n[º°o.]+\s*)?\d+(?:[,\s]+(?:apto\.?|apartamento|sala|bloco|conjunto|casa)\s+\w+)*")
    });
    NUMBER.find(&text[end..]).map_or(end, |hit| end + hit.end())
}
