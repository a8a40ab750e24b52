//! Any file, question, answer and passages: an answer that arrives in pieces comes out as the whole one does.
#![no_main]

use enabler_rules::apply::{Input, Passage, Stream};
use enabler_rules::compat;
use enabler_rules::program::{NoImports, load};
use enabler_rules::value::{Kind, Value, literal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [cuts @ .., flags] = bytes else { return };
    let text = String::from_utf8_lossy(cuts);
    let mut parts = text.splitn(4, '\x0c');
    let mut part = || parts.next().unwrap_or("");
    let (source, question, answer, context) = (part(), part(), part(), part());
    let passages: Vec<_> = context.split('\x0b').zip(1..).map(|(text, page)| Passage { page: Some(page), text }).collect();
    let metadata = [("tipo".to_owned(), "contrato 10%".to_owned())];
    let Some(Value::Date(today)) = literal(Kind::Date, "01/06/2026") else { return };
    let loaded = load(source, &NoImports);
    let input = Input {
        question,
        answer,
        passages: if flags & 1 == 0 { &passages } else { &[] },
        confidence: (flags & 2 == 0).then_some(f64::from(*flags) / 255.0),
        metadata: if flags & 4 == 0 { &metadata } else { &[] },
        today: (flags & 8 == 0).then_some(today),
        correct: flags & 16 == 0,
    };
    let whole = loaded.program.apply(&input);
    assert_eq!(whole, loaded.program.apply(&input), "twice the same");
    let mut stream = Stream::new(&loaded.program, &input);
    let (mut shown, mut rest, mut at) = (String::new(), answer, 0usize);
    while !rest.is_empty() {
        // The input's own bytes say where the pieces end.
        let wanted = usize::from(cuts.get(at % cuts.len().max(1)).copied().unwrap_or(1)) % 24 + 1;
        let length = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).find(|at| *at >= wanted).unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(length);
        shown.push_str(&stream.push(piece));
        (rest, at) = (tail, at + 1);
    }
    let (last, outcome) = stream.finish();
    shown.push_str(&last);
    assert_eq!(shown, whole.answer, "in pieces");
    assert_eq!(outcome, whole, "in pieces");
    let _ = loaded.program.detect(question).expanded(question);
    let old = compat::RuleSet::read(source);
    let _ = old.apply(&compat::Input { question, raw_answer: answer, context, apply_corrections: input.correct });
});
