//! Which template a document asks for, by its own words.

use super::Profiles;
use crate::page::Page;
use crate::text::fold;

/// A template chosen for a document, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Choice {
    /// The name of a profile, or `generic` where none fits.
    pub template: String,
    /// The document's words that decided, in Portuguese.
    pub reason: String,
}

/// Below this the words say too little.
const ENOUGH: f32 = 3.0;

/// Letters of the document that are looked at: what it is stands at its head.
const HEAD_LETTERS: usize = 30_000;

/// Letters within which a word counts twice: the title.
const TITLE_LETTERS: usize = 600;

impl Profiles {
    /// The template that the document's own words ask for.
    pub fn choose(&self, pages: &[Page]) -> Choice {
        let mut text = String::new();
        for page in pages {
            text.push_str(&fold(&page.text));
            text.push('\n');
            if text.len() > HEAD_LETTERS {
                break;
            }
        }
        let mut best: Option<(f32, &str, Vec<&str>)> = None;
        for profile in &self.0 {
            let (mut score, mut words) = (0.0, Vec::new());
            for cue in &profile.model.template {
                let Some(first) = cue.find.find(&text) else { continue };
                let often = cue.find.find_all(&text).take(4).count() as f32;
                let title = if first.start < TITLE_LETTERS { 2.0 } else { 1.0 };
                score += cue.weight * title * (1.0 + (often - 1.0) * 0.15);
                if cue.weight > 0.0 {
                    words.push(cue.name.as_str());
                }
            }
            if best.as_ref().is_none_or(|(other, ..)| score > *other) {
                best = Some((score, profile.name(), words));
            }
        }
        match best {
            Some((score, name, words)) if score >= ENOUGH => {
                Choice { template: name.to_owned(), reason: format!("o documento diz: {}", words.join(", ")) }
            }
            _ => Choice {
                template: "generic".to_owned(),
                reason: "nenhum modelo tem palavras bastantes no documento".to_owned(),
            },
        }
    }
}
