//! Python's text against Rust's.

use crate::compat::python::{fold, newlines, repr, strip};

#[test]
fn white_space_is_pythons() {
    assert_eq!(strip("\u{1c}\u{1f}\u{85}\u{a0}\u{2003}\u{3000}\tx\u{2028}\r"), "x");
    assert_eq!(strip("\u{feff}x\u{200b}"), "\u{feff}x\u{200b}");
}

#[test]
fn every_newline_becomes_a_line_feed() {
    assert_eq!(newlines("a\r\nb\rc\n\r\nd\r"), "a\nb\nc\n\nd\n");
}

#[test]
fn characters_that_differ_by_case_alone_fold_alike() {
    for (one, other) in [
        ("İIıi", "iiii"),
        ("ſS", "ss"),
        ("\u{212a}", "k"),
        ("\u{b5}Μ", "μμ"),
        ("ΣςΣ", "σσσ"),
        ("ẛṠ", "ṡṡ"),
        ("\u{1fd3}\u{1fe3}\u{fb06}", "\u{390}\u{3b0}\u{fb05}"),
        ("ẞ", "ß"),
        ("Ǆǅ", "ǆǆ"),
    ] {
        assert_eq!(fold(one), fold(other), "{one}");
    }
    for (one, other) in [("á", "a"), ("ß", "ss"), ("ﬁ", "fi"), ("ŉ", "ʼn")] {
        assert_ne!(fold(one), fold(other), "{one}");
    }
}

#[test]
fn a_text_is_quoted_as_python_prints_it() {
    assert_eq!(repr("a"), "'a'");
    assert_eq!(repr("a'b"), "\"a'b\"");
    assert_eq!(repr("a'\"\\\u{1}\t"), r#"'a\'"\\\x01\t'"#);
}
