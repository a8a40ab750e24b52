//! A light derivational stemmer: `gestor` and `gestão`, `votou` and `voto`, `payment` and `pay` share a stem.

/// Endings, longest first within each letter count; without accents. What remains keeps at least `STEM_MIN` letters.
const ENDINGS: &[&str] = &[
    "izacoes", "izacao", "amentos", "imentos", "amento", "imento", "adoras", "adores", "adora", "ador",
    "edores", "edora", "edor", "idores", "idora", "idor", "acoes", "acao", "icoes", "icao", "ucoes", "ucao",
    "encias", "encia", "ancias", "ancia", "antes", "ante", "entes", "ente", "enca", "encas", "anca", "ancas",
    "atario", "ataria", "arios", "arias", "ario", "aria", "idades", "idade", "aturas", "atura", "mente",
    "istas", "ista", "ivos", "ivas", "ivo", "iva", "aveis", "avel", "iveis", "ivel", "issem", "assem",
    "aremos", "ariam", "ariam", "erao", "arao", "irao", "avam", "aram", "eram", "iram", "ando", "endo",
    "indo", "ados", "adas", "ado", "ada", "idos", "idas", "ido", "ida", "ava", "ara", "era", "ira", "oes",
    "aes", "ais", "eis", "ores", "oras", "ora", "or", "ao", "ar", "er", "ir", "ou", "eu", "iu", "ei", "am",
    "em", "izations", "ization", "ations", "ation", "itions", "ition", "ments", "ment", "ings", "ing", "ers",
    "ies", "ied", "ed", "ly", "al", "es", "os", "as", "s", "a", "e", "o", "y",
];

/// Shorter stems would join unrelated words.
const STEM_MIN: usize = 3;

/// The stem of a folded word.
pub(crate) fn stem(folded: &str) -> String {
    let best = ENDINGS
        .iter()
        .filter(|ending| folded.len() >= ending.len() + floor(ending) && folded.ends_with(*ending))
        .max_by_key(|ending| ending.len());
    let cut = best.map_or(folded, |ending| &folded[..folded.len() - ending.len()]);
    // `regulariz` and `regularizacao`, `autoriz` and `autorizado` meet without the verb's own ending.
    let cut = cut.strip_suffix("iz").filter(|short| short.len() >= 4).unwrap_or(cut);
    cut.to_owned()
}

/// A long ending may leave a short stem (`gest-or`), a short one takes its vowel from long words only.
fn floor(ending: &str) -> usize {
    if ending.len() == 1 { STEM_MIN } else { STEM_MIN + usize::from(ending.len() >= 4) }
}
