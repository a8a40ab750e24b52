//! Where work stands in a trace, and how that is written in a header (W3C Trace Context) and in a frame.

use std::num::NonZeroU64;

/// A span of a trace that is recorded: what is done for it becomes its child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    trace: u128,
    span: NonZeroU64,
}

impl Place {
    /// The bytes of [`Place::to_bytes`].
    pub const BYTES: usize = 24;

    /// The span `span` of the trace `trace`; zeros name none.
    pub fn new(trace: u128, span: u64) -> Option<Self> {
        NonZeroU64::new(span).filter(|_| trace != 0).map(|span| Place { trace, span })
    }

    /// The trace.
    pub fn trace(&self) -> u128 {
        self.trace
    }

    /// The span.
    pub fn span(&self) -> u64 {
        self.span.get()
    }

    /// Trace and span, the highest byte first.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let (trace, span) = (self.trace.to_be_bytes(), self.span.get().to_be_bytes());
        let mut bytes = [0; Self::BYTES];
        for (place, byte) in bytes.iter_mut().zip(trace.into_iter().chain(span)) {
            *place = byte;
        }
        bytes
    }

    /// The place that was written by [`Place::to_bytes`], if it names one.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (trace, span) = bytes.split_first_chunk()?;
        Place::new(u128::from_be_bytes(*trace), u64::from_be_bytes(*span.first_chunk()?))
    }
}

/// What a `traceparent` header says.
///
/// Source: W3C Trace Context, section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote<'a> {
    /// The trace: 32 hexadecimal digits.
    pub trace: &'a str,
    /// The span of whoever asks.
    pub span: u64,
    /// Whether whoever asks may have recorded it.
    pub is_sampled: bool,
}

impl<'a> Remote<'a> {
    /// Reads a header; `None` when it is not well formed.
    pub fn read(traceparent: &'a str) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let some = |text: &str| text.bytes().any(|b| b != b'0');
        let extra = parts.next().is_some();
        let well_formed =
            hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        if !(well_formed && some(trace) && some(span) && (version != "00" || !extra)) {
            return None;
        }
        let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Remote { trace, span: u64::from_str_radix(span, 16).ok()?, is_sampled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn trace(header: &str) -> Option<&str> {
        Remote::read(header).map(|remote| remote.trace)
    }

    #[test]
    fn only_a_well_formed_trace_is_continued() {
        assert_eq!(trace(&format!("00-{TRACE}-00f067aa0ba902b7-01")), Some(TRACE));
        assert_eq!(trace(&format!("cc-{TRACE}-00f067aa0ba902b7-01-more")), Some(TRACE));
        assert_eq!(trace(&format!("00-{TRACE}-00f067aa0ba902b7-01-more")), None);
        assert_eq!(trace(&format!("ff-{TRACE}-00f067aa0ba902b7-01")), None);
        assert_eq!(trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
        assert_eq!(trace(&format!("00-{TRACE}-0000000000000000-01")), None);
        assert_eq!(trace(&format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase())), None);
    }

    #[test]
    fn a_header_says_who_asks_and_whether_it_is_recorded() {
        let header = format!("00-{TRACE}-00f067aa0ba902b7-03");
        let remote = Remote { trace: TRACE, span: 0x00f0_67aa_0ba9_02b7, is_sampled: true };
        assert_eq!(Remote::read(&header), Some(remote));
        let header = format!("00-{TRACE}-00f067aa0ba902b7-02");
        assert_eq!(Remote::read(&header), Some(Remote { is_sampled: false, ..remote }));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic(text in ".{0,80}") {
            let _ = Remote::read(&text);
        }

        #[test]
        fn a_place_comes_back_from_its_bytes(trace in 1_u128.., span in 1_u64..) {
            let place = Place::new(trace, span).unwrap();
            prop_assert_eq!(Place::from_bytes(&place.to_bytes()), Some(place));
        }
    }

    #[test]
    fn zeros_name_no_place() {
        assert_eq!(Place::from_bytes(&[0; Place::BYTES]), None);
        assert_eq!((Place::new(0, 1), Place::new(1, 0)), (None, None));
        assert_eq!(size_of::<Option<Place>>(), size_of::<Place>());
    }
}
