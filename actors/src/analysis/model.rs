//! Lets a language model fill what the rules left empty: only with words that stand in the document where they are said to.

use std::sync::Arc;

use enabler_analysis::{Page, Profile, Proposal, accept};
use enabler_cluster::request::Request;
use enabler_storage::record::DocumentRecord;
use enabler_storage::shard::Query;
use serde_json::Value;

use super::{Analysed, flag_of_model};
use crate::model::Prompt;
use crate::question::{Choice, Desk, tokens};
use crate::shard::Index;

/// Empty fields that one analysis asks for; each makes the prompt and the answer longer.
const FIELDS_MAX: usize = 12;
/// Passages that are looked for, for each field.
const PASSAGES_PER_FIELD: usize = 2;
/// Tokens of passages in the prompt: what a small model on a CPU reads within a second.
const PROMPT_TOKENS_MAX: usize = 900;
/// Tokens that the answer may have.
const ANSWER_TOKENS_MAX: usize = 400;
/// The part of the remaining time that the model may take; an analysis is given without it.
const SHARE: f64 = 0.6;
/// How deep the result is looked through.
const DEPTH_MAX: usize = 4;

/// Fills empty fields of `analysed`. Whatever goes wrong leaves them empty.
pub(super) async fn fill(
    desk: &Desk,
    request: &Request,
    record: &DocumentRecord,
    index: &Arc<Index>,
    pages: &[Page],
    profile: &Profile,
    analysed: &mut Analysed,
) {
    let mut empty = Vec::new();
    empty_fields(&analysed.result, "", 0, &mut empty);
    empty.truncate(FIELDS_MAX);
    if empty.is_empty() {
        return;
    }
    let Ok(model) = desk.choose(&Choice::Auto) else { return };
    let Some(passages) = passages(desk, record, index, &empty).await else { return };
    let prompt = prompt(&empty, &passages);
    let part = request.part(request.left().mul_f64(SHARE));
    let written = match desk.crew.write(&part, &model, &prompt, ANSWER_TOKENS_MAX).await {
        Ok(written) => written,
        Err(error) => {
            tracing::warn!(%error, model, "the model filled nothing in");
            return;
        }
    };
    let proposals = proposals(&written, &empty, pages);
    for mut value in accept(&proposals, pages, profile) {
        let Some(place) = analysed.result.pointer_mut(&value.pointer).filter(|place| place.is_null()) else {
            continue;
        };
        *place = value.value.clone();
        value.flags.push(flag_of_model());
        analysed.values.push(value);
    }
}

/// The pointers of single fields without a value; the entries of lists are the rules' own.
fn empty_fields(value: &Value, pointer: &str, depth: usize, into: &mut Vec<String>) {
    match value {
        Value::Null => into.push(pointer.to_owned()),
        Value::Object(fields) if depth < DEPTH_MAX => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                empty_fields(value, &format!("{pointer}/{name}"), depth + 1, into);
            }
        }
        _ => {}
    }
}

/// The passages of the document that speak of `fields`, in its order.
async fn passages(
    desk: &Desk,
    record: &DocumentRecord,
    index: &Arc<Index>,
    fields: &[String],
) -> Option<Vec<(u32, String)>> {
    let words: Vec<String> = fields.iter().map(|field| words(field)).collect();
    let (index, id, tenant, now_ms) =
        (index.clone(), record.document_id, record.tenant.clone(), desk.clock.now_ms());
    let search = move || {
        let mut found = Vec::new();
        for text in &words {
            found.extend(index.search(&Query {
                text,
                vector: None,
                model: "",
                tenant: &tenant,
                documents: Some(&[id]),
                metadata: &[],
                top_k: PASSAGES_PER_FIELD,
                now_ms,
                merge_neighbours: false,
            })?);
        }
        Ok(found)
    };
    let found = desk.blocking(id, search).await;
    let found = found.inspect_err(|error| tracing::warn!(%error, "no passages for the model")).ok()?;
    let (mut left, mut chosen) = (PROMPT_TOKENS_MAX, std::collections::BTreeMap::new());
    for hit in found {
        let size = tokens(&hit.chunk.text);
        if size <= left && !chosen.contains_key(&hit.chunk.ordinal) {
            left -= size;
            chosen.insert(hit.chunk.ordinal, (hit.chunk.page, hit.chunk.text));
        }
    }
    Some(chosen.into_values().collect())
}

/// The words of a field's name.
fn words(pointer: &str) -> String {
    pointer.split(['/', '_']).filter(|word| word.len() > 1).collect::<Vec<_>>().join(" ")
}

fn prompt(fields: &[String], passages: &[(u32, String)]) -> Prompt {
    let mut system = "Extraia do texto apenas o que ele diz. Responda com uma lista JSON, um objeto por campo \
                      encontrado: [{\"campo\": \"/x\", \"valor\": \"...\", \"pagina\": 1, \"citacao\": \"palavras exatas do texto\"}]. \
                      Omita o campo que o texto não informa.\n"
        .to_owned();
    for (page, text) in passages {
        system.push_str(&format!("\nPágina {page}:\n{text}\n"));
    }
    Prompt { system, user: format!("Campos:\n{}", fields.join("\n")) }
}

/// What the model proposes for `fields`, each with the place of its quotation; what stands nowhere is left out.
fn proposals(written: &str, fields: &[String], pages: &[Page]) -> Vec<Proposal> {
    let list = written.find('[').zip(written.rfind(']')).and_then(|(from, to)| written.get(from..=to));
    let list: Vec<Value> = list.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
    let proposal = |one: &Value| {
        let pointer = one.get("campo")?.as_str()?.to_owned();
        let quotation = one.get("citacao")?.as_str()?.trim().to_owned();
        let number = u32::try_from(one.get("pagina")?.as_u64()?).ok()?;
        let page = pages.iter().find(|page| page.number == number)?;
        let start = page.text.find(&quotation).filter(|_| !quotation.is_empty())?;
        let end = start + quotation.len();
        let value = one.get("valor")?.clone();
        let known = fields.contains(&pointer);
        known.then_some(Proposal { pointer, value, page: number, start, end, quotation })
    };
    list.iter().take(FIELDS_MAX).filter_map(proposal).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_single_fields_without_a_value_are_asked_for() {
        let result = json!({"a": {"nome": null, "cpf": "1"}, "lista": [{"x": null}], "b": null});
        let mut empty = Vec::new();
        empty_fields(&result, "", 0, &mut empty);
        assert_eq!(empty, ["/a/nome", "/b"]);
        assert_eq!(words("/informacoes_gerais/data_obito"), "informacoes gerais data obito");
    }

    #[test]
    fn a_quotation_that_stands_nowhere_is_no_proposal() {
        let page = Page { number: 2, text: "lavrada pelo 2º Ofício de Notas".into(), ..Page::default() };
        let fields = ["/cartorio".to_owned()];
        let said = |quotation: &str| {
            format!(
                "Aqui: [{{\"campo\":\"/cartorio\",\"valor\":\"2º Ofício\",\"pagina\":2,\"citacao\":\"{quotation}\"}}]"
            )
        };
        let found = proposals(&said("2º Ofício de Notas"), &fields, std::slice::from_ref(&page));
        assert_eq!(found.iter().map(|one| (one.start, one.end)).collect::<Vec<_>>(), [(13, 33)]);
        assert!(proposals(&said("3º Ofício"), &fields, std::slice::from_ref(&page)).is_empty());
        assert!(proposals("nada sei", &fields, &[page]).is_empty());
    }
}
