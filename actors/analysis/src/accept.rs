//! What a language model proposes is taken only where the document says it.

use crate::analysis::Value;
use crate::page::Page;
use crate::profile::{Profile, Type};
use crate::read::{Asked, Text, flag, holds_value};
use crate::text::{Flow, Place};

/// Letters of a quotation at most: a whole page quotes nothing.
const QUOTATION_MAX: usize = 600;

/// How sure a proposal is whose quotation and value hold: less than what the weakest rule finds.
const CONFIDENCE: f32 = 0.6;

/// A value that a language model proposes for a field that the rules left empty.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Proposal {
    /// The field, as a JSON pointer into the result.
    pub pointer: String,
    /// The value, as the model wrote it.
    pub value: serde_json::Value,
    /// The page that it names, from 1.
    pub page: u32,
    /// First byte of the quotation in that page's text.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// The words that it quotes.
    pub quotation: String,
}

/// The proposals that hold: the pointer is a field or a list's column of the profile, the quotation stands at the
/// offsets named, and the value is in the quotation, read as the field's type. Each is flagged `proposed`.
pub fn accept(proposals: &[Proposal], pages: &[Page], profile: &Profile) -> Vec<Value> {
    proposals.iter().filter_map(|proposal| accepted(proposal, pages, profile)).collect()
}

fn accepted(proposal: &Proposal, pages: &[Page], profile: &Profile) -> Option<Value> {
    let (label, category, asked) = asked(profile, &proposal.pointer)?;
    let (index, page) = pages.iter().enumerate().find(|(_, page)| page.number == proposal.page)?;
    let stands = page.text.get(proposal.start..proposal.end)? == proposal.quotation;
    if !stands || proposal.quotation.trim().is_empty() || proposal.quotation.len() > QUOTATION_MAX {
        return None;
    }
    let flow = Flow::of_pieces(page, index, &[(' ', proposal.start..proposal.end)]);
    if !holds_value(&Text::of(flow, page.is_ocr), asked, &proposal.value) {
        return None;
    }
    let place = Place::on(page, proposal.start, proposal.end)?;
    Some(Value {
        pointer: proposal.pointer.clone(),
        label: label.to_owned(),
        category: category.to_owned(),
        value: proposal.value.clone(),
        page: place.page,
        quotation: place.quotation,
        start: place.start,
        rects: place.rects,
        confidence: CONFIDENCE * place.confidence.clamp(0.3, 1.0),
        flags: flag("proposed").into_iter().collect(),
    })
}

/// The label, the category and the type of a field, or of a list's column.
fn asked<'a>(profile: &'a Profile, pointer: &str) -> Option<(&'a str, &'a str, Asked<'a>)> {
    let model = &profile.model;
    if let Some(field) = model.field.iter().find(|field| field.at == pointer) {
        let asked = Asked { kind: field.kind, choices: &field.choices, clean: &field.clean, in_order: false };
        return Some((&field.label, &field.category, asked));
    }
    model.list.iter().find_map(|list| {
        let rest = pointer.strip_prefix(list.at.as_str())?.strip_prefix('/')?;
        let (row, key) = rest.split_once('/')?;
        row.parse::<usize>().ok()?;
        let column = list.column.iter().find(|column| column.key == key && column.kind != Type::Yes)?;
        let asked = Asked {
            kind: column.kind,
            choices: &column.choices,
            clean: &column.clean,
            in_order: column.in_order,
        };
        Some((column.label.as_str(), column.category.as_str(), asked))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tried(pointer: &str, value: serde_json::Value, quotation: &str, shift: usize) -> Vec<Value> {
        let text = "O óbito foi em 3 de maio de 2024. Imposto de R$ 1.200,50, CPF 159.263.748-55.";
        let start = text.find(quotation).unwrap_or(0) + shift;
        let page = Page { number: 1, text: text.to_owned(), ..Page::default() };
        let proposal = Proposal {
            pointer: pointer.to_owned(),
            value,
            page: 1,
            start,
            end: start + quotation.len(),
            quotation: quotation.to_owned(),
        };
        accept(&[proposal], &[page], crate::shipped().named("inventory").unwrap())
    }

    #[test]
    fn a_proposal_that_the_document_says_is_taken_and_flagged() {
        let taken = tried("/informacoes_gerais/data_obito", json!("03/05/2024"), "em 3 de maio de 2024", 0);
        assert_eq!(taken[0].flags[0].code, "proposed");
        assert_eq!(tried("/informacoes_gerais/itcmd", json!(1200.5), "Imposto de R$ 1.200,50", 0).len(), 1);
        let heir = "/clausula_a_herdeiros/herdeiros/0/cpf";
        assert_eq!(tried(heir, json!("159.263.748-55"), "CPF 159.263.748-55", 0).len(), 1);
    }

    #[test]
    fn a_proposal_that_the_document_does_not_say_is_refused() {
        let at = "/informacoes_gerais/data_obito";
        assert!(tried(at, json!("04/05/2024"), "em 3 de maio de 2024", 0).is_empty(), "another value");
        assert!(tried(at, json!("03/05/2024"), "em 3 de maio de 2024", 1).is_empty(), "another place");
        assert!(tried(at, json!("03/05/2024"), "em 3 de junho de 2024", 0).is_empty(), "not in the text");
        assert!(tried("/nada", json!("03/05/2024"), "em 3 de maio de 2024", 0).is_empty(), "no such field");
        assert!(tried("/informacoes_gerais/itcmd", json!(1200.0), "Imposto de R$ 1.200,50", 0).is_empty());
    }
}
