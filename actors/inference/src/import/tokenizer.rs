//! Builds the `tokenizer.json` of an `E5S1` image: Unigram pieces behind a normaliser that reproduces the image's
//! own table of characters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};
use tokenizers::Tokenizer;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::tokenizer::{NormalizedString, Normalizer};

use super::e5s1::Image;

/// Characters whose form must be spelled out because the Unicode forms disagree with the table.
/// Each costs a pass over every text, so a table that needs more is another normalisation altogether.
const STRAGGLERS_MAX: usize = 64;

/// The file's text. Fails when the normaliser cannot be made to agree with the image's table.
pub(super) fn build(image: &Image<'_>) -> Result<String, String> {
    let base = normalizer(&BTreeMap::new());
    let stragglers = disagreements(&base, &image.normal_forms)?;
    if stragglers.len() > STRAGGLERS_MAX {
        return Err(format!("{} characters are normalised in a way of their own", stragglers.len()));
    }
    let normalizer = normalizer(&stragglers);
    let left = disagreements(&normalizer, &image.normal_forms)?;
    if let Some((from, form)) = left.first_key_value() {
        return Err(format!("{} characters do not normalise, {from:?} to {form:?} first", left.len()));
    }
    let text = file(image, &normalizer).to_string();
    text.parse::<Tokenizer>().map_err(|error| error.to_string())?;
    Ok(text)
}

/// SentencePiece's `nmt_nfkc` as the tokenizers library spells it, the stragglers first.
fn normalizer(stragglers: &BTreeMap<char, String>) -> Value {
    let mut by_form: BTreeMap<&str, Vec<char>> = BTreeMap::new();
    for (from, form) in stragglers {
        by_form.entry(form).or_default().push(*from);
    }
    let replace = |(form, from): (&str, Vec<char>)| {
        let class: String = from.iter().map(|from| format!("\\x{{{:x}}}", u32::from(*from))).collect();
        json!({ "type": "Replace", "pattern": { "Regex": format!("[{class}]") }, "content": form })
    };
    let mut steps: Vec<Value> = by_form.into_iter().map(replace).collect();
    steps.push(json!({ "type": "Nmt" }));
    steps.push(json!({ "type": "NFKC" }));
    steps.push(json!({ "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": " " }));
    json!({ "type": "Sequence", "normalizers": steps })
}

/// The characters that `normalizer` does not turn into what the table says.
fn disagreements(normalizer: &Value, table: &[(char, String)]) -> Result<BTreeMap<char, String>, String> {
    let normalizer: NormalizerWrapper =
        serde_json::from_value(normalizer.clone()).map_err(|error| error.to_string())?;
    let mut wrong = BTreeMap::new();
    for (from, form) in table {
        // Between digits: at an edge spaces have rules of their own, and a letter would compose with an accent.
        let mut text = NormalizedString::from(format!("0{from}0"));
        normalizer.normalize(&mut text).map_err(|error| error.to_string())?;
        if text.get() != collapse_spaces(&format!("0{form}0")) {
            wrong.insert(*from, form.clone());
        }
    }
    Ok(wrong)
}

fn collapse_spaces(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for character in text.chars() {
        if character != ' ' || !collapsed.ends_with(' ') {
            collapsed.push(character);
        }
    }
    collapsed
}

fn file(image: &Image<'_>, normalizer: &Value) -> Value {
    let header = &image.header;
    let content = |id: usize| image.pieces.get(id).map(|piece| piece.0.as_str()).unwrap_or_default();
    let added = |id: usize, content: &str, lstrip: bool| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": lstrip, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    let special: BTreeSet<usize> = [header.bos, header.pad, header.eos, header.unknown].into();
    let mut added_tokens: Vec<Value> = special.iter().map(|id| added(*id, content(*id), false)).collect();
    let ids: HashMap<&str, usize> =
        image.pieces.iter().enumerate().map(|(id, piece)| (piece.0.as_str(), id)).collect();
    if let Some(mask) = ids.get("<mask>") {
        added_tokens.push(added(*mask, "<mask>", true));
    }
    let (bos, eos) = (content(header.bos), content(header.eos));
    let token = |text: &str| json!({ "SpecialToken": { "id": text, "type_id": 0 } });
    let sequence = |name: &str| json!({ "Sequence": { "id": name, "type_id": 0 } });
    let metaspace =
        json!({ "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true });
    let vocabulary: Vec<Value> =
        image.pieces.iter().map(|(piece, score)| json!([piece, f64::from(*score)])).collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens,
        "normalizer": normalizer,
        "pre_tokenizer": metaspace,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [token(bos), sequence("A"), token(eos)],
            "pair": [token(bos), sequence("A"), token(eos), token(eos), sequence("B"), token(eos)],
            "special_tokens": {
                bos: { "id": bos, "ids": [header.bos], "tokens": [bos] },
                eos: { "id": eos, "ids": [header.eos], "tokens": [eos] },
            },
        },
        "decoder": metaspace,
        "model": { "type": "Unigram", "unk_id": header.unknown, "vocab": vocabulary, "byte_fallback": false },
    })
}
