//! Offsets to lines and UTF-16 columns and back, as the language server protocol counts them.

/// A place as the protocol says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The line, from 0; lines end at `\n`, `\r\n` and `\r`.
    pub line: u32,
    /// UTF-16 code units from the beginning of the line.
    pub character: u32,
}

/// Bytes between two places whose UTF-16 count is kept: a file has few of them, and a walk between two is short.
const STEP: usize = 64;

/// The lines of one text.
#[derive(Debug, Clone)]
pub struct Lines<'s> {
    source: &'s str,
    /// The first byte of every line.
    starts: Vec<u32>,
    /// For every `STEP` bytes, the UTF-16 units before the first character that begins there or later.
    units: Vec<u32>,
}

impl<'s> Lines<'s> {
    /// Counts a text once. Places beyond 4 GB are not told apart.
    pub fn new(source: &'s str) -> Self {
        let mut starts = vec![0];
        let mut units = Vec::with_capacity(source.len() / STEP + 1);
        let mut count = 0u32;
        let mut before = '\0';
        for (at, c) in source.char_indices() {
            while units.len() * STEP <= at {
                units.push(count);
            }
            if (before == '\r' && c != '\n') || before == '\n' {
                starts.push(at as u32);
            }
            count = count.saturating_add(c.len_utf16() as u32);
            before = c;
        }
        if matches!(before, '\r' | '\n') {
            starts.push(source.len() as u32);
        }
        while units.len() * STEP <= source.len() {
            units.push(count);
        }
        Self { source, starts, units }
    }

    /// The place of an offset; one inside a character counts as its beginning, one beyond the end as the end.
    pub fn position(&self, offset: u32) -> Position {
        let offset = super::clamp(self.source, offset);
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let character = self.before(offset).saturating_sub(self.before(start));
        Position { line: line as u32, character }
    }

    /// The offset of a place; beyond the end of a line it is the line's end, beyond the last line the text's end.
    pub fn offset(&self, position: Position) -> u32 {
        let line = position.line as usize;
        let Some(start) = self.starts.get(line).copied() else { return self.source.len() as u32 };
        let next = self.starts.get(line + 1).map_or(self.source.len(), |next| *next as usize);
        let text = self.source.get(start as usize..next).unwrap_or("");
        let end = start + text.trim_end_matches(['\r', '\n']).len() as u32;
        let wanted = self.before(start).saturating_add(position.character);
        // The last kept place that is not beyond, then the few characters after it.
        let step = self.units.partition_point(|units| *units <= wanted).saturating_sub(1);
        let mut at = super::clamp_up(self.source, step * STEP);
        let mut count = self.units.get(step).copied().unwrap_or(0);
        if at < start as usize {
            (at, count) = (start as usize, self.before(start));
        }
        for c in self.source.get(at..end as usize).unwrap_or("").chars() {
            count = count.saturating_add(c.len_utf16() as u32);
            // A place inside a surrogate pair is the character's beginning.
            if count > wanted {
                return at as u32;
            }
            at += c.len_utf8();
        }
        (at as u32).min(end).max(start)
    }

    /// UTF-16 units before an offset that is a character boundary.
    fn before(&self, offset: u32) -> u32 {
        let step = offset as usize / STEP;
        let from = super::clamp_up(self.source, step * STEP).min(offset as usize);
        let text = self.source.get(from..offset as usize).unwrap_or("");
        let rest: usize = text.chars().map(char::len_utf16).sum();
        self.units.get(step).copied().unwrap_or(0).saturating_add(rest as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The plain way: every line and column counted from the beginning.
    fn slow(source: &str, offset: usize) -> Position {
        let (mut line, mut character, mut before) = (0, 0, '\0');
        for c in source[..offset].chars() {
            if before == '\n' || (before == '\r' && c != '\n') {
                (line, character) = (line + 1, 0);
            }
            character += c.len_utf16() as u32;
            before = c;
        }
        let next = source[offset..].chars().next();
        if before == '\n' || (before == '\r' && next != Some('\n')) {
            (line, character) = (line + 1, 0);
        }
        Position { line, character }
    }

    #[test]
    fn surrogates_count_two_and_line_breaks_of_three_kinds_end_a_line() {
        let lines = Lines::new("a😀b\r\nç\rd\n");
        assert_eq!(lines.position(5), Position { line: 0, character: 3 });
        assert_eq!(lines.offset(Position { line: 0, character: 2 }), 1);
        assert_eq!(lines.offset(Position { line: 0, character: 99 }), 6);
        assert_eq!(lines.position(10), Position { line: 1, character: 1 });
        assert_eq!(lines.position(11), Position { line: 2, character: 0 });
        assert_eq!(lines.position(13), Position { line: 3, character: 0 });
        assert_eq!(lines.offset(Position { line: 9, character: 0 }), 13);
        assert_eq!(lines.offset(Position { line: 3, character: u32::MAX }), 13);
    }

    proptest! {
        #[test]
        fn every_boundary_has_one_place_and_comes_back(text in "[aç😀\r\n ]{0,700}") {
            let lines = Lines::new(&text);
            for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
                let place = lines.position(at as u32);
                prop_assert_eq!(place, slow(&text, at));
                let back = lines.offset(place) as usize;
                // Between `\r` and `\n` no place exists; it is the end of the line.
                let inside = text[..at].ends_with('\r') && text[at..].starts_with('\n');
                prop_assert_eq!(back, if inside { at - 1 } else { at });
            }
        }

        #[test]
        fn any_place_is_clamped_to_a_boundary(text in "\\PC{0,40}", line: u32, character: u32, offset: u32) {
            let lines = Lines::new(&text);
            for line in [line, line % 4] {
                for character in [character, character % 64] {
                    let at = lines.offset(Position { line, character }) as usize;
                    prop_assert!(text.is_char_boundary(at));
                }
            }
            let _ = lines.position(offset);
        }
    }
}
