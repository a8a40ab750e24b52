//! Asks embedded font programs what their glyphs mean, where the file itself does not say.

use std::collections::HashMap;

use hayro_interpret::font::{OutlineFontData, OutlineGlyph};
use hayro_interpret::hayro_cmap::{BfString, CMap, CidFamily, load_embedded};
use skrifa::MetadataProvider as _;
use skrifa::raw::FontRef;
use skrifa::raw::ps::Sid;
use skrifa::raw::ps::cff::CffFontRef;
use skrifa::raw::ps::cff::dict::{Entry, entries};
use skrifa::raw::{FontRead as _, TableProvider as _, tables::cff::Cff};

/// Fonts whose meanings are kept; a document with more without maps of its own is a test of readers.
const FONTS_MAX: usize = 256;

/// The meanings of one font's glyphs.
type Meanings = HashMap<u32, String>;

/// What the fonts of a document say of their glyphs, read once for each font.
#[derive(Debug, Default)]
pub(crate) struct Fonts {
    known: HashMap<u128, Meanings>,
}

impl Fonts {
    /// What `glyph` stands for by its font's own tables.
    pub(super) fn meaning(&mut self, glyph: &OutlineGlyph) -> Option<&str> {
        let font = glyph.font_data()?;
        if self.known.len() >= FONTS_MAX && !self.known.contains_key(&font.cache_key) {
            return None;
        }
        let meanings = self.known.entry(font.cache_key).or_insert_with(|| meanings(&font));
        meanings.get(&glyph.glyph_id().to_u32()).map(String::as_str)
    }
}

fn meanings(font: &OutlineFontData) -> Meanings {
    let bytes = (*font.data).as_ref();
    match FontRef::new(bytes) {
        Ok(sfnt) => {
            let mut known = by_characters(&sfnt);
            if known.is_empty()
                && let Ok(cff) = sfnt.cff()
            {
                known = by_collection(cff.offset_data().as_bytes()).unwrap_or_default();
            }
            known
        }
        Err(_) => by_collection(bytes).unwrap_or_default(),
    }
}

/// The table from characters to glyphs, turned round; of several characters the first counts.
fn by_characters(font: &FontRef<'_>) -> Meanings {
    let mut known = Meanings::new();
    for (code, glyph) in font.charmap().mappings() {
        // Symbol fonts put their glyphs where no character is.
        if let Some(letter) = char::from_u32(code).filter(|c| !matches!(c, '\u{e000}'..='\u{f8ff}')) {
            known.entry(glyph.to_u32()).or_insert_with(|| letter.to_string());
        }
    }
    known
}

/// The character collection that a CID-keyed font numbers its glyphs by, as `Adobe-Japan1`.
fn by_collection(bytes: &[u8]) -> Option<Meanings> {
    let table = Cff::read(bytes.into()).ok()?;
    let strings = table.strings();
    let text = |sid: Sid| match sid.resolve_standard() {
        Ok(text) => Some(text),
        Err(at) => strings.get(at),
    };
    let (registry, ordering) =
        entries(table.top_dicts().get(0)?, None).find_map(|entry| match entry.ok()? {
            Entry::Ros { registry, ordering, .. } => Some((text(registry)?, text(ordering)?)),
            _ => None,
        })?;
    let map = load_embedded(CidFamily::from_registry_ordering(registry, ordering).ucs2_cmap()?)?;
    let map = CMap::parse(map, load_embedded)?;
    let charset = CffFontRef::new_cff(bytes, 0, None).ok()?.charset()?;
    let meaning = |cid: u32| match map.lookup_bf_string(cid)? {
        BfString::Char(one) => Some(one.to_string()),
        BfString::String(several) => Some(several),
    };
    let known =
        charset.iter().filter_map(|(glyph, cid)| Some((glyph.to_u32(), meaning(cid.to_u16().into())?)));
    Some(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A font file with one table, `cmap`, that maps each of `pairs` by format 12.
    fn font(pairs: &[(u32, u32)]) -> Vec<u8> {
        let mut map = Vec::new();
        map.extend([0_u16, 1, 3, 10].iter().flat_map(|n| n.to_be_bytes()));
        map.extend(12_u32.to_be_bytes());
        map.extend([12_u16, 0].iter().flat_map(|n| n.to_be_bytes()));
        let length = 16 + 12 * pairs.len() as u32;
        map.extend([length, 0, pairs.len() as u32].iter().flat_map(|n| n.to_be_bytes()));
        for (code, glyph) in pairs {
            map.extend([*code, *code, *glyph].iter().flat_map(|n| n.to_be_bytes()));
        }
        let mut file = 0x0001_0000_u32.to_be_bytes().to_vec();
        file.extend([1_u16, 16, 0, 0].iter().flat_map(|n| n.to_be_bytes()));
        file.extend(b"cmap");
        file.extend([0_u32, 28, map.len() as u32].iter().flat_map(|n| n.to_be_bytes()));
        file.extend(map);
        file
    }

    #[test]
    fn a_font_says_which_letters_its_glyphs_are() {
        let file = font(&[(u32::from('c'), 5), (u32::from('ç'), 3), (0xf0a7, 4)]);
        let known = by_characters(&FontRef::new(&file).unwrap());
        assert_eq!(known.get(&5).map(String::as_str), Some("c"));
        assert_eq!(known.get(&3).map(String::as_str), Some("ç"));
        assert_eq!(known.get(&4), None, "a place of a symbol font's own says nothing");
    }

    #[test]
    fn bytes_that_are_no_font_say_nothing() {
        for bytes in [&b""[..], b"\x01\x00\x04\x01garbage", b"%!PS-AdobeFont"] {
            assert!(by_collection(bytes).is_none());
        }
    }
}
