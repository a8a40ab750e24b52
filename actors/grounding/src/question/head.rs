//! What a question asks for: by its question word and by the noun behind it.

use super::{AnswerType as T, Extreme, Language};
use crate::text::{Word, is_function_word, is_generic};

/// What was found, with the places of words that have done their work.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) types: Vec<T>,
    pub(super) many: bool,
    pub(super) extreme: Option<Extreme>,
    /// Words that name the type.
    pub(super) cues: Vec<usize>,
    /// Words that say nothing else (`mais`, `liste`).
    pub(super) spent: Vec<usize>,
    pub(super) head: Option<usize>,
    pub(super) named: bool,
}

/// Nouns that name a type, folded singular or plural, with the types in order of likelihood.
const NOUNS: &[(&str, &[T])] = &[
    ("cpf", &[T::Cpf]),
    ("cnpj", &[T::Cnpj]),
    ("email e-mail mail correio", &[T::Email]),
    ("telefone celular phone telephone", &[T::Phone]),
    ("cep zip postal", &[T::PostalCode]),
    ("data datas dia date day vencimento validade", &[T::Date, T::Date]),
    ("ano year mes month", &[T::Date]),
    ("hora horas horario time", &[T::Time]),
    (
        "prazo prazos duracao vigencia periodo carencia antecedencia period duration deadline term tempo idade age",
        &[T::Duration, T::Date],
    ),
    (
        "valor valores aluguel caucao honorarios remuneracao fee rent amount deposit value torna desconto",
        &[T::Money, T::Percentage],
    ),
    ("preco precos custo montante quantia orcamento salario price cost salary budget", &[T::Money]),
    (
        "multa multas penalidade penalty fine juros interest taxa taxas tarifa rate",
        &[T::Percentage, T::Money],
    ),
    (
        "percentual percentagem porcentagem percentage percent aliquota quorum fracao proporcao share",
        &[T::Percentage],
    ),
    ("indice index", &[T::Named]),
    ("quantidade quantity numero-de", &[T::Quantity]),
    ("versao version", &[T::Version]),
    ("licenca licencas license licence licenses", &[T::Licence]),
    ("profissao ocupacao profession occupation cargo", &[T::Profession]),
    ("nacionalidade nationality", &[T::Nationality]),
    (
        "endereco cidade local lugar municipio comarca foro pais estado bairro rua address city country location place where court",
        &[T::Place],
    ),
    (
        "numero codigo matricula protocolo registro oab rg placa ticker livro folhas number code registration agencia conta inscricao",
        &[T::Code],
    ),
    (
        "empresa companhia banco orgao instituicao fornecedor fornecedora seguradora company bank supplier institution organizacao administradora custodiante",
        &[T::Organisation, T::Person],
    ),
    (
        "pessoa advogado advogada sindico presidente secretario locador locadora locatario locataria fiador vendedor comprador inventariante tabeliao relator gestor administrador herdeiro herdeira diretor autor person tenant landlord lawyer chairman seller buyer director author lessor lessee guarantor secretary chairperson conjuge marido esposa",
        &[T::Person, T::Organisation],
    ),
    (
        "diferenca finalidade objetivo razao motivo consequencia objeto significado difference purpose reason consequence meaning definicao condicao condicoes requisito requisitos obrigacao obrigacoes procedimento",
        &[T::Explanation],
    ),
];

/// Nouns that name no more than the type itself.
const KINDS: &[&str] = &[
    "empresa",
    "companhia",
    "company",
    "pessoa",
    "person",
    "instituicao",
    "orgao",
    "organizacao",
    "cidade",
    "lugar",
    "local",
    "city",
    "place",
];

const WH: &[&str] = &[
    "qual", "quais", "que", "quem", "quando", "onde", "aonde", "quanto", "quanta", "quantos", "quantas",
    "como", "porque", "cujo", "what", "which", "who", "whom", "whose", "when", "where", "why", "how",
];

/// Reads what is asked.
pub(super) fn read(text: &str, list: &[Word], language: Language) -> Asked {
    let mut asked = Asked::default();
    extremes(list, &mut asked);
    let at = list.iter().position(|word| WH.contains(&word.folded.as_str()) && !is_conjunction(list, word));
    match at {
        Some(at) => by_question_word(list, at, language, &mut asked),
        None => without_question_word(text, list, language, &mut asked),
    }
    asked.types.dedup();
    asked
}

/// `A multa que foi paga …` at the end of a yes/no question is no question word; one in the first four words is.
fn is_conjunction(list: &[Word], word: &Word) -> bool {
    matches!(word.folded.as_str(), "que" | "como" | "which" | "who" | "when" | "quando")
        && list.iter().take(4).all(|early| early.start != word.start)
}

fn by_question_word(list: &[Word], at: usize, language: Language, asked: &mut Asked) {
    let here = list[at].folded.as_str();
    let next = list.get(at + 1).map_or("", |word| word.folded.as_str());
    asked.head = head(list, at + 1);
    match here {
        "quem" | "who" | "whom" | "whose" => asked.types = vec![T::Person, T::Organisation],
        "quando" | "when" => asked.types = vec![T::Date],
        "onde" | "aonde" | "where" => asked.types = vec![T::Place, T::Organisation],
        "como" | "porque" | "why" => asked.types = vec![T::Explanation],
        "how" if next == "many" => counted(list, at + 2, asked),
        "how" if next == "much" => asked.types = vec![T::Money, T::Percentage, T::Quantity],
        "how" if next == "long" => asked.types = vec![T::Duration, T::Date],
        "how" => asked.types = vec![T::Explanation],
        "quantos" | "quantas" => counted(list, at + 1, asked),
        "quanto" | "quanta" if next == "tempo" => asked.types = vec![T::Duration, T::Date],
        "quanto" | "quanta" => {
            asked.types = vec![T::Money, T::Percentage, T::Quantity];
            let priced = ["custa", "custou", "custam", "custaram", "custara", "vale", "valem", "valia"];
            if priced.contains(&next) {
                // What a thing costs is never a share of it.
                asked.types = vec![T::Money];
            }
            cue_if(list, at + 1, &priced, asked);
            cue_if(list, at + 1, &["cobra", "paga"], asked);
        }
        "que" if at > 0 && list[at - 1].folded == "por" => asked.types = vec![T::Explanation],
        "que" | "what" if at <= 1 && asked_openly(list, at) => asked.types = vec![T::Explanation, T::Named],
        _ => {
            asked.many |= here == "quais";
            by_noun(list, at + 1, language, asked);
        }
    }
}

/// `O que é …`, `o que acontece …`, `what happens …`: no noun follows.
fn asked_openly(list: &[Word], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| list[before].folded.as_str());
    let next = list.get(at + 1).map_or("", |word| word.folded.as_str());
    before == Some("o") || matches!(next, "happens" | "does" | "do" | "did" | "must" | "should")
}

fn counted(list: &[Word], from: usize, asked: &mut Asked) {
    let unit = list.get(from).map_or("", |word| word.folded.as_str());
    asked.types = match unit {
        "dia" | "dias" | "mes" | "meses" | "ano" | "anos" | "hora" | "horas" | "semanas" | "minutos"
        | "days" | "months" | "years" | "hours" | "weeks" | "minutes" => {
            asked.cues.push(from);
            vec![T::Duration]
        }
        "reais" | "dolares" | "dollars" | "euros" => {
            asked.cues.push(from);
            vec![T::Money]
        }
        _ => vec![T::Quantity],
    };
}

/// The first content word that names a type, not beyond the first preposition behind the head.
fn by_noun(list: &[Word], from: usize, language: Language, asked: &mut Asked) {
    let reach = if language == Language::English { 4 } else { 3 };
    asked.named = asked
        .head
        .is_some_and(|head| matches!(list[head].folded.as_str(), "nome" | "nomes" | "name" | "names"));
    let mut seen = 0;
    for (at, word) in list.iter().enumerate().skip(from) {
        if seen > 0
            && matches!(
                word.folded.as_str(),
                "o" | "a" | "os" | "as" | "e" | "foi" | "sao" | "the" | "is" | "was" | "does" | "did" | "can"
            )
        {
            // The noun phrase is over; what follows is what it is asked of.
            break;
        }
        if seen > 0
            && matches!(
                word.folded.as_str(),
                "de" | "do" | "da" | "dos" | "das" | "of" | "for" | "em" | "no" | "na" | "in" | "que"
            )
        {
            // `nome do marido` asks for the husband: a generic head hands over to the next noun.
            if !asked.head.is_some_and(|head| is_generic(&list[head].folded)) {
                break;
            }
            continue;
        }
        if is_function_word(&word.folded) {
            continue;
        }
        if word.folded == "estado" && list.get(at + 1).is_some_and(|next| next.folded == "civil") {
            asked.types = vec![T::CivilStatus];
            asked.cues.extend([at, at + 1]);
            return;
        }
        // `número de folhas` counts, `número do processo` names.
        if word.folded == "numero"
            && list.get(at + 1).is_some_and(|next| next.folded == "de")
            && list.get(at + 2).is_some_and(|next| next.folded.ends_with('s'))
        {
            asked.types = vec![T::Quantity];
            asked.cues.push(at);
            return;
        }
        if let Some((_, types)) =
            NOUNS.iter().find(|(names, _)| names.split(' ').any(|name| name == word.folded))
        {
            asked.types = types.to_vec();
            // A role or a code's name (`matrícula`, `advogada`) is what is asked about, not merely its type.
            let kind_only = KINDS.contains(&word.folded.as_str());
            if kind_only
                || !matches!(types[0], T::Person | T::Code | T::Explanation | T::Organisation | T::Place)
            {
                asked.cues.push(at);
            }
            return;
        }
        seen += 1;
        if seen >= reach {
            break;
        }
    }
    asked.types = if asked.named { vec![T::Person, T::Organisation, T::Named] } else { vec![T::Named] };
}

fn head(list: &[Word], from: usize) -> Option<usize> {
    list.iter().enumerate().skip(from).find(|(_, word)| !is_function_word(&word.folded)).map(|(at, _)| at)
}

fn cue_if(list: &[Word], at: usize, known: &[&str], asked: &mut Asked) {
    if list.get(at).is_some_and(|word| known.contains(&word.folded.as_str())) {
        asked.cues.push(at);
    }
}

fn without_question_word(text: &str, list: &[Word], language: Language, asked: &mut Asked) {
    let first = list.first().map_or("", |word| word.folded.as_str());
    let verb = |known: &[&str]| known.contains(&first);
    if verb(&["liste", "listar", "list", "enumere", "cite"]) {
        asked.many = true;
        asked.spent.push(0);
        asked.head = head(list, 1);
        by_noun(list, 1, language, asked);
    } else if verb(&[
        "informe", "diga", "mostre", "give", "tell", "show", "indique", "nome", "valor", "data", "cpf",
        "cnpj", "prazo",
    ]) {
        let from = usize::from(verb(&["informe", "diga", "mostre", "give", "tell", "show", "indique"]));
        asked.spent.extend((from > 0).then_some(0));
        asked.head = head(list, from);
        by_noun(list, from, language, asked);
    } else if verb(&["explique", "explain", "descreva", "describe", "resuma", "summarize", "defina"]) {
        asked.spent.push(0);
        asked.types = vec![T::Explanation];
    } else if text.ends_with('?') {
        asked.types = vec![T::YesNo];
    } else {
        asked.head = head(list, 0);
        by_noun(list, 0, language, asked);
    }
}

fn extremes(list: &[Word], asked: &mut Asked) {
    for (at, word) in list.iter().enumerate() {
        let extreme = match word.folded.as_str() {
            "maior" | "maiores" | "melhor" | "most" | "highest" | "largest" | "biggest" | "longest"
            | "latest" | "oldest" => Some(Extreme::Most),
            "menor" | "menores" | "pior" | "least" | "lowest" | "smallest" | "shortest" => {
                Some(Extreme::Least)
            }
            // These say themselves which column orders: the one of prices.
            "cheapest" => {
                asked.extreme = Some(Extreme::Least);
                None
            }
            // `a mais crítica` compares; `mais de 60 dias` and `mais informações` do not.
            "mais" if compares(list, at) => Some(Extreme::Most),
            "menos" if compares(list, at) => Some(Extreme::Least),
            _ => None,
        };
        if let Some(extreme) = extreme {
            asked.extreme = Some(extreme);
            asked.spent.push(at);
        }
    }
}

fn compares(list: &[Word], at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |before| list[before].folded.as_str());
    let next = list.get(at + 1).map_or("", |word| word.folded.as_str());
    !next.is_empty()
        && next != "de"
        && next != "do"
        && (matches!(before, "o" | "a" | "os" | "as" | "e" | "foi") || !is_function_word(before))
}
