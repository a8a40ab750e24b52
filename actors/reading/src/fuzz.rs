//! A safe way in for fuzzers: structure and native text, in this process.

use hayro_interpret::{InterpreterCache, InterpreterSettings};

use crate::decide::{decide, measure};
use crate::document;
use crate::native::{Fonts, gather, lay_out, repair};

/// Pages looked at; a fuzzer's files are small.
const PAGES_MAX: usize = 4;

/// Follows the structure of `bytes` and lays out its first pages' own text. Everything it gives is checked: each
/// word lies within the text, on the edges of characters. It may panic, run long or use much memory where the child
/// process would be ended for it; only a panic of this crate's own is a finding.
pub fn fuzz_open_and_read(bytes: &[u8]) {
    let Ok((pdf, _)) = document::load(bytes.to_vec(), 100) else { return };
    let (cache, settings) = (InterpreterCache::new(), InterpreterSettings::default());
    let mut fonts = Fonts::default();
    for page in pdf.pages().iter().take(PAGES_MAX) {
        let mut gathered = gather(page, &cache, &settings, &mut fonts);
        repair(&mut gathered.glyphs);
        let _ = decide(&measure(&gathered));
        let laid = lay_out(&gathered, page.render_dimensions());
        for word in &laid.words {
            assert!(
                laid.text.get(word.start as usize..word.end as usize).is_some(),
                "{word:?} is not in its text"
            );
        }
    }
}
