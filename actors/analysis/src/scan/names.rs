//! Names of people, companies and funds, by their capitals, particles and endings.

use super::lexicon::{business, no_name, particle, place_before};
use super::spelled::is_number_word;
use super::{Entity, Kind, Token, title_case};
use crate::text::squeeze;

/// Words of one name at most; longer runs are headings.
const WORDS_MAX: usize = 9;

/// Words of a fund's or a company's name at most.
const FIRM_WORDS_MAX: usize = 22;

fn printed(chars: &[char], span: &std::ops::Range<usize>) -> String {
    squeeze(&chars.get(span.clone()).unwrap_or(&[]).iter().collect::<String>())
}

fn joins(token: &Token) -> bool {
    token.word && particle(&token.folded)
}

/// Whether `next` may follow in the same name: on the same line or the next, not after a sign.
fn near(next: &Token) -> bool {
    next.gap == ' '
}

/// Every person named by two words or more. Names in capitals are given as a person writes them.
pub(crate) fn persons(chars: &[char], folded: &str, tokens: &[Token]) -> Vec<Entity> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = tokens.get(at) {
        if !opens(first) && !irma(chars, first) {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        let mut names = 1;
        while let Some(next) = tokens.get(end) {
            if !near(next) || end - at > WORDS_MAX {
                break;
            }
            let initial = next.folded == "." && tokens.get(end - 1).is_some_and(|last| last.span.len() == 1);
            let younger = names >= 2
                && next.capital
                && next.upper == first.upper
                && matches!(next.folded.as_str(), "filho" | "neto" | "sobrinho" | "bisneto")
                && !tokens.get(end + 1).is_some_and(|after| near(after) && joins(after));
            let surname =
                next.capital && matches!(next.folded.as_str(), "nascimento" | "natal" | "sacramento");
            if (opens(next) || younger || surname) && next.upper == first.upper || initial {
                names += usize::from(!initial);
                end += 1;
            } else if joins(next) && follows(tokens.get(end + 1), first.upper)
                || next.folded == "e" && lone_surname(tokens, end, first.upper)
            {
                names += 1;
                end += 2;
            } else {
                break;
            }
        }
        // A dot glued to an initial is a token without a gap.
        let (span, run) = match (tokens.get(at), tokens.get(end - 1)) {
            (Some(a), Some(b)) => (a.span.start..b.span.end, tokens.get(at..end).unwrap_or(&[])),
            _ => break,
        };
        let before = folded.get(span.start.saturating_sub(40)..span.start).unwrap_or("");
        let in_line = before.rsplit(['\n', '\t']).next().unwrap_or("");
        let firm = run.iter().any(|token| business(&token.folded)) || firm_follows(tokens, end);
        let place = place_before(in_line) || place_after(tokens, end);
        let shouted = first.upper && all_shout(tokens, at, end) && !plausible(tokens, at, end);
        // "CI MG" is no name.
        let spelled = run.iter().any(|token| token.word && token.span.len() > 2 && !particle(&token.folded));
        if names >= 2 && spelled && !firm && !place && !shouted {
            let name = printed(chars, &span);
            let name = if first.upper { title_case(&name) } else { name };
            found.push(Entity::new(Kind::Person, span, name));
        }
        at = end.max(at + 1);
    }
    found
}

/// Whether the text around a run in capitals is in capitals too, so that capitals say nothing.
fn all_shout(tokens: &[Token], at: usize, end: usize) -> bool {
    let around =
        tokens.iter().skip(at.saturating_sub(12)).take(12.min(at)).chain(tokens.iter().skip(end).take(12));
    let (words, upper) = around
        .filter(|token| token.word && token.span.len() > 2)
        .fold((0, 0), |(words, upper), token| (words + 1, upper + usize::from(token.upper)));
    words >= 4 && upper * 10 >= words * 8
}

/// Whether a run among capitals reads as a name: set off by signs, and named again or described as a person.
fn plausible(tokens: &[Token], at: usize, end: usize) -> bool {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.folded.as_str());
    let next = text(end);
    let off = matches!(next, "," | "." | ";" | "(" | ":" | "" | "-")
        || matches!(
            next,
            "faleceu"
                | "e"
                | "cpf"
                | "acima"
                | "ja"
                | "inscrito"
                | "inscrita"
                | "na"
                | "no"
                | "desde"
                | "que"
                | "cabera"
                | "recebe"
                | "recebera"
                | "falecida"
                | "falecido"
        )
        || next.starts_with(|c: char| c.is_ascii_digit());
    if !off || text(at).ends_with("-lhe") {
        return false;
    }
    let described = next == ","
        && [
            "brasileir",
            "filh",
            "menor",
            "natural",
            "nascid",
            "casad",
            "solteir",
            "viuv",
            "divorciad",
            "net",
            "irma",
        ]
        .iter()
        .any(|word| text(end + 1).starts_with(word));
    let led = at.checked_sub(1).is_none_or(|last| text(last) != ",");
    let words: Vec<&str> = (at..end).map(text).collect();
    let again = tokens
        .windows(words.len())
        .filter(|run| run.iter().map(|token| token.folded.as_str()).eq(words.iter().copied()))
        .count()
        > 1;
    described || led || again
}

/// Whether a token goes on with a name after a particle.
fn follows(token: Option<&Token>, upper: bool) -> bool {
    token.is_some_and(|token| near(token) && opens(token) && token.upper == upper)
}

/// Whether a word is the name Irma, and not a sister: "irmã".
fn irma(chars: &[char], token: &Token) -> bool {
    token.folded == "irma"
        && token.capital
        && !token.upper
        && chars.get(token.span.clone()).is_some_and(|word| word.ends_with(&['a']))
}

/// A word that may be part of a person's name.
fn opens(token: &Token) -> bool {
    token.word
        && token.capital
        && !no_name(&token.folded)
        && !particle(&token.folded)
        && token.folded.len() > 1
        && !is_number_word(&token.folded)
        && !token.folded.chars().any(|c| c.is_ascii_digit())
        && !roman(token)
}

fn roman(token: &Token) -> bool {
    token.upper && token.folded.len() < 5 && token.folded.chars().all(|c| matches!(c, 'i' | 'v' | 'x' | 'l'))
}

/// Whether "e" joins one last surname, as in "Costa e Silva", and not another person.
fn lone_surname(tokens: &[Token], and: usize, upper: bool) -> bool {
    let (Some(surname), Some(before)) =
        (tokens.get(and + 1), and.checked_sub(1).and_then(|at| tokens.get(at)))
    else {
        return false;
    };
    let after = tokens.get(and + 2);
    let ends = after.is_none_or(|after| !(near(after) && (opens(after) || joins(after))));
    // A first name alone does not end before "e".
    let deep =
        and.checked_sub(2).and_then(|at| tokens.get(at)).is_some_and(|token| token.capital || joins(token));
    opens(surname) && surname.upper == upper && near(surname) && before.capital && deep && ends
}

/// Whether what follows makes a run a company: "S.A.", "Ltda.".
fn firm_follows(tokens: &[Token], at: usize) -> bool {
    suffix(tokens, at).is_some()
        || tokens.get(at).is_some_and(|token| matches!(token.folded.as_str(), "&" | ","))
            && suffix(tokens, at + 1).is_some()
        || tokens.get(at).is_some_and(|token| token.gap == ' ' && token.capital && business(&token.folded))
}

/// A town is followed by its state: "Ponta Grossa-PR", "Betim, MG", "São Paulo – SP".
fn place_after(tokens: &[Token], at: usize) -> bool {
    const STATES: &[&str] = &[
        "ac", "al", "ap", "am", "ba", "ce", "df", "es", "go", "ma", "mt", "ms", "mg", "pa", "pb", "pr", "pe",
        "pi", "rj", "rn", "rs", "ro", "rr", "sc", "sp", "se", "to",
    ];
    let sign = tokens.get(at).is_some_and(|token| matches!(token.folded.as_str(), "-" | "/" | "," | "("));
    sign && tokens.get(at + 1).is_some_and(|token| token.upper && STATES.contains(&token.folded.as_str()))
}

/// How many tokens of a company's ending stand at `at`.
fn suffix(tokens: &[Token], at: usize) -> Option<usize> {
    let is = |offset: usize, text: &str| {
        tokens.get(at + offset).is_some_and(|token| token.folded == text && token.gap == '\0')
    };
    let first = tokens.get(at)?;
    let length = match first.folded.as_str() {
        "s" if is(1, ".")
            && tokens.get(at + 2).is_some_and(|t| t.folded == "a" && matches!(t.gap, '\0' | ' ')) =>
        {
            3 + usize::from(is(3, "."))
        }
        "s" if (is(1, "/") || is(1, ".")) && is(2, "a") => 3 + usize::from(is(3, ".")),
        "sa" if first.upper => 1,
        "ltda" | "eireli" | "limitada" | "inc" | "llc" => 1 + usize::from(is(1, ".")),
        "me" | "epp" if first.upper => 1,
        _ => return None,
    };
    first.capital.then_some(length)
}

/// Words that stand before a company's name and are not of it.
fn before_firm(word: &str) -> bool {
    matches!(
        word,
        "a" | "o"
            | "as"
            | "os"
            | "e"
            | "pela"
            | "pelo"
            | "da"
            | "do"
            | "na"
            | "no"
            | "administradora"
            | "administrador"
            | "gestora"
            | "gestor"
            | "emissora"
            | "emissor"
            | "custodiante"
            | "escriturador"
            | "escrituradora"
            | "devedora"
            | "cotista"
            | "debenture"
            | "debentures"
            | "cri"
            | "cra"
            | "cris"
            | "cras"
            | "cdb"
            | "lci"
            | "lca"
            | "acoes"
            | "cotas"
            | "quotas"
            | "letra"
            | "letras"
            | "certificado"
            | "certificados"
            | "titular"
            | "sr"
            | "sra"
            | "cnpj"
            | "agente"
            | "presentes"
    )
}

/// What a broker's name says that it trades in.
fn trades(word: &str) -> bool {
    matches!(
        word,
        "titulos" | "valores" | "cambio" | "credito" | "financiamento" | "investimentos" | "investimento"
    )
}

/// How many tokens at `at` say behind a company's ending what it is: "S.A. Distribuidora de Títulos e Valores Mobiliários".
fn trade(tokens: &[Token], at: usize) -> usize {
    let opens = |token: &Token| {
        token.capital && token.gap == ' ' && matches!(token.folded.as_str(), "distribuidora" | "corretora")
    };
    if !tokens.get(at).is_some_and(opens) {
        return 0;
    }
    let more = |token: &&Token| {
        let joins = matches!(token.folded.as_str(), "de" | "e" | "," | "mobiliarios" | "seguros");
        token.gap != '\n' && (joins || trades(&token.folded))
    };
    let run = tokens.get(at + 1..).unwrap_or(&[]);
    let length = run.iter().take(FIRM_WORDS_MAX).take_while(more).count();
    let loose = run.iter().take(length).rev().take_while(|token| !token.capital).count();
    if length > loose { 1 + length - loose } else { 0 }
}

/// Whether capitals and particles from `at` lead to a company's ending.
fn run_ends(tokens: &[Token], at: usize) -> bool {
    for end in at..at + FIRM_WORDS_MAX {
        if suffix(tokens, end).is_some() {
            return true;
        }
        let Some(next) = tokens.get(end) else { return false };
        let goes_on =
            next.capital || particle(&next.folded) || matches!(next.folded.as_str(), "e" | "&" | ",");
        if !goes_on {
            return false;
        }
    }
    false
}

/// Every company, by its ending, by a word of business, or by beginning as a bank does.
pub(crate) fn companies(chars: &[char], tokens: &[Token]) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    let part = |token: &Token| {
        token.capital || token.folded == "&" || token.folded.starts_with(|c: char| c.is_ascii_digit())
    };
    let mut at = 0;
    while let Some(first) = tokens.get(at) {
        if !(first.word && first.capital) || before_firm(&first.folded) || particle(&first.folded) {
            at += 1;
            continue;
        }
        // The longest run of capitals, particles and ampersands from here.
        let (mut end, mut ended) = (at + 1, false);
        while let Some(next) = tokens.get(end) {
            if end - at > FIRM_WORDS_MAX {
                break;
            }
            // "Bruno Sá", and "Vera Pontes de SA" where OCR lost the accent, are persons.
            let accent = matches!(chars.get(next.span.start + 1), Some('á' | 'Á'));
            let surname = next.folded == "sa"
                && (accent || tokens.get(end - 1).is_some_and(|last| particle(&last.folded)));
            let ending = suffix(tokens, end).filter(|_| !surname && (next.gap != '\n' || next.gap == ' '));
            if let Some(length) = ending {
                end += length;
                ended = true;
                if let Some(more) = tokens.get(end)
                    && matches!(more.folded.as_str(), "dtvm" | "ctvm" | "ccvm" | "cctvm")
                {
                    end += 1;
                }
                end += trade(tokens, end);
                break;
            }
            let comma = next.folded == "," && suffix(tokens, end + 1).is_some();
            let joiner = (particle(&next.folded) || matches!(next.folded.as_str(), "e" | "&" | "-"))
                && next.gap == ' '
                && tokens.get(end + 1).is_some_and(|after| part(after) && after.gap == ' ' && after.word);
            // "Corretora de Cambio, Titulos e Valores Mobiliarios S.A.": its own list, which its ending closes.
            let listed = next.folded == ","
                && tokens.get(end + 1).is_some_and(|after| after.capital && trades(&after.folded))
                && run_ends(tokens, end + 1);
            if comma || listed || joiner || part(next) && next.gap == ' ' {
                end += 1;
            } else {
                break;
            }
        }
        let run = tokens.get(at..end).unwrap_or(&[]);
        let named = run.iter().any(|token| token.capital && business(&token.folded));
        if (ended || named && run.len() >= 2) && run.len() >= 2 {
            let span = first.span.start..run.last().map_or(first.span.end, |last| last.span.end);
            found.push(Entity::new(Kind::Company, span.clone(), printed(chars, &span)));
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// Words that a fund's name may go on with over a line end, folded.
fn of_fund(word: &str) -> bool {
    matches!(
        word,
        "fundo"
            | "fundos"
            | "de"
            | "em"
            | "do"
            | "da"
            | "dos"
            | "das"
            | "nas"
            | "no"
            | "e"
            | "investimento"
            | "investimentos"
            | "imobiliario"
            | "imobiliarios"
            | "direitos"
            | "creditorios"
            | "participacoes"
            | "multiestrategia"
            | "multimercado"
            | "acoes"
            | "credito"
            | "privado"
            | "renda"
            | "fixa"
            | "infraestrutura"
            | "responsabilidade"
            | "limitada"
            | "cadeias"
            | "produtivas"
            | "agroindustriais"
            | "cotas"
            | "longo"
            | "prazo"
            | "exterior"
            | "padronizados"
            | "nao"
            | "fii"
            | "fidc"
            | "fip"
            | "fiagro"
            | "fic"
            | "fim"
            | "fia"
            | "fi"
            | "rf"
            | "fif"
            | "-"
            | "incentivado"
            | "financeiro"
            | "logistica"
            | "referenciado"
            | "di"
            | "fil"
            | "il"
            | "ie"
    )
}

/// Words of a minutes' title that are not of the fund's name.
fn of_title(word: &str) -> bool {
    matches!(
        word,
        "ata"
            | "assembleia"
            | "realizada"
            | "cotistas"
            | "quotistas"
            | "cnpj"
            | "do"
            | "da"
            | "de"
            | "dos"
            | "das"
            | "a"
            | "o"
            | "termo"
            | "consulta"
            | "formal"
            | "extraordinaria"
            | "ordinaria"
            | "geral"
            | "especial"
            | "edital"
            | "sumario"
            | "ago"
            | "age"
            | "agc"
            | "agq"
            | "agoe"
            | "resumo"
            | "mf"
            | "em"
            | "administradora"
            | "e"
            | "os"
            | "as"
            | "apuracao"
            | "pagina"
    )
}

/// Whether the line that ends with the token at `last` is in capitals.
fn line_shouts(tokens: &[Token], last: usize) -> bool {
    let mut at = last;
    while let Some(token) = tokens.get(at) {
        if token.word && !token.upper && token.span.len() > 1 {
            return false;
        }
        if token.gap == '\n' || at == 0 {
            break;
        }
        at -= 1;
    }
    true
}

/// Every fund by its full name: what surrounds "fundo de investimento", or ends in its kind's letters.
pub(crate) fn funds(chars: &[char], tokens: &[Token]) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.folded == text);
    // OCR takes the capital I for an l.
    let letters_mistaken = |word: &str| matches!(word, "fil" | "fll" | "fii");
    let mut at = 0;
    while at < tokens.len() {
        // "Fundo de Investimento", and with what kind of fund it is between: "Fundo Incentivado de Investimento".
        let kind = match tokens.get(at + 1).map(|token| token.folded.as_str()) {
            Some("incentivado" | "mutuo" | "garantidor" | "soberano") => 1,
            Some("de") if is(at + 2, "fundos") => 2,
            _ => 0,
        };
        let full = is(at, "fundo")
            && is(at + 1 + kind, "de")
            && (is(at + 2 + kind, "investimento") || is(at + 2 + kind, "investimentos"));
        let letters = tokens.get(at).is_some_and(|token| {
            let second_upper = chars.get(token.span.start + 1).is_some_and(|c| c.is_uppercase());
            token.upper
                && matches!(token.folded.as_str(), "fii" | "fidc" | "fip" | "fiagro" | "fim" | "fia" | "fic")
                || second_upper && letters_mistaken(&token.folded)
        });
        let Some(anchor) = tokens.get(at).filter(|token| (full || letters) && token.capital) else {
            at += 1;
            continue;
        };
        let upper = anchor.upper;
        let fits = |token: &Token| {
            (token.capital || token.folded.starts_with(|c: char| c.is_ascii_digit()))
                && (!upper || letters || token.upper || token.span.len() < 3 || !token.word)
        };
        let mut from = at;
        while from > 0 && at - from < FIRM_WORDS_MAX {
            let Some(last) = tokens.get(from - 1) else { break };
            let gap = tokens.get(from).map_or('\n', |token| token.gap);
            let over = gap == '\n'
                && upper
                && last.upper
                && !of_title(&last.folded)
                // The line over it names a company.
                && !matches!(last.folded.trim_end_matches('.'), "dtvm" | "ctvm" | "ltda" | "s.a" | "s/a" | "a")
                && !last.folded.contains(|c: char| c.is_ascii_digit())
                && line_shouts(tokens, from - 1);
            let joiner = (particle(&last.folded)
                || last.folded == "e"
                || matches!(last.folded.as_str(), "-" | "&" | "em"))
                && from >= 2
                && tokens
                    .get(from - 2)
                    .is_some_and(|token| fits(token) && !of_title(&token.folded) && last.gap == ' ');
            if (gap == ' ' || over)
                && (fits(last) && last.word && !of_title(&last.folded) || joiner && gap == ' ')
            {
                from -= 1;
            } else {
                break;
            }
        }
        let mut end = if full { at + 3 + kind } else { at + 1 };
        while let Some(next) = tokens.get(end) {
            if end - at > FIRM_WORDS_MAX {
                break;
            }
            let dash = matches!(next.folded.as_str(), "-" | "--");
            let after = tokens.get(end + 1);
            let dashed = dash
                && after.is_some_and(|after| {
                    after.capital
                        && (after.gap != '\n'
                            || after.upper
                                && (after.span.len() <= 6 || after.folded == LIMITED[0])
                                && of_fund(&after.folded))
                        && (of_fund(&after.folded) || upper && after.upper && !of_title(&after.folded))
                });
            let goes = match next.gap {
                ' ' if letters_mistaken(&next.folded) && next.capital => true,
                ' ' => {
                    fits(next) && next.word && !of_title(&next.folded) && next.folded != "cnpj"
                        || of_fund(&next.folded)
                            && next.word
                            && after.is_some_and(|after| {
                                after.capital && of_fund(&after.folded)
                                    || upper && after.upper && after.gap == ' '
                            })
                }
                '\n' => {
                    (upper && next.upper || dash || letters_mistaken(&next.folded)) && of_fund(&next.folded)
                }
                _ => false,
            };
            if dashed || goes && !dash {
                end += 1;
            } else {
                break;
            }
        }
        let run = tokens.get(from..end).unwrap_or(&[]);
        if run.len() >= 3 || run.len() == 2 && letters {
            let span = run.first().map_or(0, |t| t.span.start)..run.last().map_or(0, |t| t.span.end);
            let mut name = mended(&printed(chars, &span));
            // A label between the lines of its cell parts the words of "responsabilidade limitada".
            if run.last().is_some_and(|last| last.folded == LIMITED[0])
                && let Some(last) = tokens.iter().skip(end).take(3).find(|next| next.folded == LIMITED[1])
            {
                name = format!("{name} {}", printed(chars, &last.span));
            }
            found.push(Entity::new(Kind::Fund, span, name));
        }
        at = end;
    }
    found
}

/// How the name of a fund whose holders owe no more than they paid ends.
const LIMITED: [&str; 2] = ["responsabilidade", "limitada"];

/// The kind's letters as they are where OCR took a capital I for an l.
fn mended(name: &str) -> String {
    name.split(' ')
        .map(|word| match word {
            "Fil" | "FIl" | "Fll" | "FlI" | "FIL" | "Fii" => "FII",
            word => word,
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tokens;
    use super::*;
    use crate::text::fold;

    fn all(text: &str, scan: impl Fn(&[char], &str, &[Token]) -> Vec<Entity>) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        let folded = fold(text);
        scan(&chars, &folded, &tokens(&chars, &folded)).iter().map(|e| e.text().to_owned()).collect()
    }

    #[test]
    fn people_are_named_with_particles_and_in_capitals() {
        let people = |text: &str| all(text, persons);
        assert_eq!(people("a Dra. Beatriz Amorim Falcão, advogada"), ["Beatriz Amorim Falcão"]);
        assert_eq!(people("MARIA JOSÉ DA SILVA, viúva"), ["Maria José da Silva"]);
        assert_eq!(
            people("João d'Ávila Sant’Anna e Ana Lima Costa"),
            ["João d'Ávila Sant’Anna", "Ana Lima Costa"]
        );
        assert_eq!(people("Pedro da Costa e Silva, filho"), ["Pedro da Costa e Silva"]);
        assert_eq!(
            people("o Sr. Ruy Monteiro Galvão, secretariado pela Sra. Elza Prado Nunes."),
            ["Ruy Monteiro Galvão", "Elza Prado Nunes"]
        );
        for none in [
            "na Rua Marechal Deodoro, 1.277",
            "em Ponta Grossa-PR",
            "no Hospital Santa Efigênia",
            "natural de Ouro Preto",
            "Banco BTG Pactual S.A.",
            "Bem-Te-Vi Investimentos Ltda.",
        ] {
            assert_eq!(people(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn companies_keep_their_endings() {
        let firms = |text: &str| all(text, |chars, _, tokens| companies(chars, tokens));
        assert_eq!(
            firms(
                "a administração de Guará Serviços Fiduciários S.A. e a gestão de Sabiá Asset Ltda. Presidiu"
            ),
            ["Guará Serviços Fiduciários S.A.", "Sabiá Asset Ltda."]
        );
        assert_eq!(
            firms("A BTG Pactual Serviços Financeiros S.A. DTVM, instituição"),
            ["BTG Pactual Serviços Financeiros S.A. DTVM"]
        );
        assert_eq!(
            firms("Ipê Distribuidora de Títulos e Valores Mobiliários S.A. (“Administradora”)"),
            ["Ipê Distribuidora de Títulos e Valores Mobiliários S.A."]
        );
        assert_eq!(firms("pela Oliveira & Lima DTVM S/A,"), ["Oliveira & Lima DTVM S/A"]);
    }

    #[test]
    fn funds_are_named_in_full() {
        let names = |text: &str| all(text, |chars, _, tokens| funds(chars, tokens));
        assert_eq!(
            names("PNTL11\nPONTAL LOGÍSTICO FUNDO DE INVESTIMENTO IMOBILIÁRIO\n- FII\nAta de"),
            ["PONTAL LOGÍSTICO FUNDO DE INVESTIMENTO IMOBILIÁRIO - FII"]
        );
        assert_eq!(
            names("do Alfa Crédito Fundo de Investimento em Direitos Creditórios, inscrito"),
            ["Alfa Crédito Fundo de Investimento em Direitos Creditórios"]
        );
        assert_eq!(
            names("FUNDO DE INVESTIMENTO IMOBILIÁRIO SERRA AZUL – FII\nCNPJ nº 1"),
            ["FUNDO DE INVESTIMENTO IMOBILIÁRIO SERRA AZUL – FII"]
        );
        assert_eq!(
            names("VALE VERDE FUNDO DE INVESTIMENTO IMOBILIÁRIO -\nFII\nAta de"),
            ["VALE VERDE FUNDO DE INVESTIMENTO IMOBILIÁRIO - FII"]
        );
        assert_eq!(
            names("AURORA FUNDO INCENTIVADO DE INVESTIMENTO EM INFRAESTRUTURA\nCNPJ nº 1"),
            ["AURORA FUNDO INCENTIVADO DE INVESTIMENTO EM INFRAESTRUTURA"]
        );
        assert_eq!(
            names(
                "JURUÁ FUNDO DE FUNDOS DE INVESTIMENTO IMOBILIÁRIO RESPONSABILIDADE\nFundo\nLIMITADA\nCNPJ"
            ),
            ["JURUÁ FUNDO DE FUNDOS DE INVESTIMENTO IMOBILIÁRIO RESPONSABILIDADE LIMITADA"]
        );
        assert_eq!(
            names("MADEIRA FUNDO DE INVESTIMENTO IMOBILIÁRIO -\nRESPONSABILIDADE LIMITADA\nCNPJ"),
            ["MADEIRA FUNDO DE INVESTIMENTO IMOBILIÁRIO - RESPONSABILIDADE LIMITADA"]
        );
        assert_eq!(names("FIl TROPEIRO CRÉDITO IMOBILIÁRIO\nCNPJ"), ["FII TROPEIRO CRÉDITO IMOBILIÁRIO"]);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            all(&text, persons);
            all(&text, |chars, _, tokens| companies(chars, tokens));
            all(&text, |chars, _, tokens| funds(chars, tokens));
        }
    }
}
