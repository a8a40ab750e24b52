use super::*;
use crate::language::Language;
use crate::problem::Kind;
use proptest::prelude::*;

fn asked(text: &str) -> Result<Ask, Problem> {
    ask(&json_object(text.as_bytes())?, 1000)
}

fn details(text: &str) -> Vec<String> {
    let problem = asked(text).unwrap_err();
    problem.violations.iter().map(|v| format!("{}: {}", v.field, v.message.text(Language::English))).collect()
}

#[test]
fn a_question_alone_takes_every_default() {
    let ask = asked(r#"{"question": "  Qual o prazo? "}"#).unwrap();
    assert_eq!(
        ask,
        Ask {
            session_id: None,
            question: "Qual o prazo?".into(),
            model: Model::Auto,
            use_dkr: true,
            top_k: None,
            include_sources: true,
            stream: None,
        }
    );
}

#[test]
fn every_wrong_field_is_said_at_once() {
    let text = r#"{"question": "ab", "model": "gpt", "top_k": 0, "use_dkr": "yes", "include_sources": 1}"#;
    assert_eq!(
        details(text),
        [
            "question: must have 3 to 1000 characters, not 2",
            "model: must be one of llama3-8b, tinyllama, auto, not \"gpt\"",
            "top_k: must be a whole number from 1 to 20, not 0",
            "use_dkr: must be true or false, not \"yes\"",
            "include_sources: must be true or false, not 1",
        ]
    );
}

#[test]
fn a_question_is_counted_in_characters_not_bytes() {
    assert!(asked(&format!(r#"{{"question": "{}"}}"#, "é".repeat(1000))).is_ok());
    assert!(asked(&format!(r#"{{"question": "{}"}}"#, "é".repeat(1001))).is_err());
    assert!(asked(r#"{"question": "  a  "}"#).is_err());
}

#[test]
fn a_whole_number_may_be_written_as_a_fraction() {
    let top_k = |text: &str| asked(&format!(r#"{{"question": "Qual?", "top_k": {text}}}"#));
    assert_eq!(top_k("6.0").unwrap().top_k, Some(6));
    for text in ["6.5", "-0.5", "1e300", "0.0", "2e1000"] {
        assert!(top_k(text).is_err(), "{text}");
    }
}

#[test]
fn malformed_json_names_its_position() {
    let problem = asked("{\n  \"question\": }").unwrap_err();
    assert_eq!(problem.kind, Kind::MalformedJson);
    let text = problem.message.text(Language::English);
    assert_eq!(text, "The body is not valid JSON: expected value at line 2, column 15.");
}

#[test]
fn a_file_name_never_carries_a_directory() {
    assert_eq!(filename(Some("../../etc/passwd")), "passwd");
    assert_eq!(filename(Some("C:\\Ana\\ata.pdf")), "ata.pdf");
    assert_eq!(filename(Some("..")), "document.pdf");
    assert_eq!(filename(None), "document.pdf");
    assert_eq!(filename(Some("a\nb.pdf")), "ab.pdf");
}

#[test]
fn a_header_is_found_in_the_first_1024_bytes_only() {
    assert!(is_pdf(b"%PDF-1.7"));
    assert!(is_pdf(b"\xef\xbb\xbf%PDF-1.4"));
    assert!(!is_pdf(b"hello %PDF"));
    assert!(!is_pdf(&[vec![b' '; 1024], b"%PDF-1.4".to_vec()].concat()));
}

#[test]
fn a_list_says_what_is_wrong_with_its_query() {
    assert_eq!(list("").unwrap(), ListQuery { limit: 20, cursor: None });
    assert_eq!(list("limit=7&cursor=a-1&x=y").unwrap(), ListQuery { limit: 7, cursor: Some("a-1".into()) });
    assert_eq!(list("limit=0&cursor=%00").unwrap_err().violations.len(), 2);
}

proptest! {
    #[test]
    fn no_bytes_make_a_question_panic(bytes: Vec<u8>) {
        if let Ok(object) = json_object(&bytes) {
            let _ = ask(&object, 1000);
        }
    }

    #[test]
    fn whatever_the_values_only_what_is_in_range_gets_through(
        question in ".{0,1100}", top_k in any::<i64>(), model in "(auto|tinyllama|[a-z]{0,6})"
    ) {
        let body = serde_json::json!({"question": question, "top_k": top_k, "model": model});
        let chars = question.trim_matches(|c: char| c.is_whitespace() || c.is_control()).chars().count();
        let fine = (3..=1000).contains(&chars) && (1..=20).contains(&top_k) && Model::named(&model).is_some();
        prop_assert_eq!(asked(&body.to_string()).is_ok(), fine);
    }

    #[test]
    fn a_file_name_is_never_empty_nor_a_path(sent in ".{0,400}") {
        let name = filename(Some(&sent));
        prop_assert!(!name.is_empty() && !name.contains(['/', '\\']) && name.chars().count() <= 255);
    }
}
