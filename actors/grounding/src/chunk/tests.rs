use super::*;

fn count(text: &str) -> usize {
    text.split_whitespace().map(|word| 1 + word.chars().count() / 6).sum()
}

fn page(text: &str) -> Page<'_> {
    Page { number: 1, text, words: &[], rows: &[] }
}

fn small() -> Sizes {
    Sizes { target_tokens: 30, max_tokens: 60, overlap_tokens: 10 }
}

fn cut(text: &str) -> Vec<Chunk> {
    chunks(&[page(text)], &small(), &count)
}

#[test]
fn a_chunk_is_exactly_its_bytes_of_the_page() {
    let text = "CLÁUSULA 1 - DO PRAZO\nO prazo é de 30 meses, contados da assinatura. ".repeat(9);
    for chunk in cut(&text) {
        assert_eq!(chunk.text, text[chunk.start..chunk.end]);
        assert!(count(&chunk.text_to_embed()) <= 60, "{}", chunk.text);
    }
}

#[test]
fn a_heading_stays_with_its_clause() {
    let body =
        "O locatário pagará o aluguel até o quinto dia útil de cada mês, por depósito em conta do locador.";
    let text = format!(
        "CLÁUSULA 1 - DO ALUGUEL\n{body}\n\nCLÁUSULA 2 - DO PRAZO\n{body}\n\nCLÁUSULA 3 - DO FORO\n{body}"
    );
    let found = cut(&text);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|chunk| chunk.text.starts_with("CLÁUSULA")));
}

#[test]
fn the_middle_of_a_table_carries_its_header() {
    let rows: String = (1..30).map(|n| format!("Componente{n} | {n}.0.{n} | MIT\n")).collect();
    let found = cut(&format!("Nome | Versão | Licença\n{rows}"));
    assert!(found.len() > 2 && found.iter().all(|chunk| chunk.is_table));
    assert!(found[1..].iter().all(|chunk| chunk.context == "Nome | Versão | Licença"));
    assert!(found.iter().all(|chunk| chunk.text.lines().all(|line| line.matches('|').count() == 2)));
}

#[test]
fn a_continued_clause_carries_its_heading_over_the_page() {
    let body =
        "O locatário devolverá o imóvel limpo e pintado na cor original ao fim do prazo deste contrato. "
            .repeat(4);
    let text = format!("CLÁUSULA 7 - DA DEVOLUÇÃO\n{body}");
    let second = Page { number: 2, text: "Segue a vistoria anexa.", words: &[], rows: &[] };
    let found = chunks(&[page(&text), second], &small(), &count);
    let last = found.last().unwrap();
    assert_eq!((last.page, last.context.as_str()), (2, "CLÁUSULA 7 - DA DEVOLUÇÃO"));
}

#[test]
fn a_word_longer_than_a_chunk_is_cut_and_nothing_loops() {
    let text = "x".repeat(5_000);
    let found = cut(&text);
    assert_eq!(found.iter().map(|chunk| chunk.text.len()).sum::<usize>(), 5_000);
    assert!(found.iter().all(|chunk| count(&chunk.text) <= 60));
}

#[test]
fn a_counter_that_always_says_too_much_still_ends() {
    let found = chunks(&[page("um dois três")], &small(), &|_| 1_000);
    assert_eq!(found.iter().map(|chunk| chunk.text.trim()).collect::<String>(), "umdoistrês");
}

#[test]
fn boxes_are_one_per_line() {
    let text = "um dois\ntrês";
    let words = [
        WordBox { start: 0, end: 2, rect: [10.0, 10.0, 20.0, 20.0] },
        WordBox { start: 3, end: 7, rect: [24.0, 11.0, 40.0, 21.0] },
        WordBox { start: 8, end: 13, rect: [10.0, 25.0, 30.0, 35.0] },
    ];
    let found = chunks(&[Page { number: 1, text, words: &words, rows: &[] }], &small(), &count);
    assert_eq!(found[0].boxes, [[10.0, 10.0, 40.0, 21.0], [10.0, 25.0, 30.0, 35.0]]);
    assert_eq!(boxes_of(&words, 3..7), [[24.0, 11.0, 40.0, 21.0]]);
}

proptest::proptest! {
    #[test]
    fn no_word_is_lost_and_no_chunk_is_too_large(text in "([a-zA-Zéç]{1,12}|[0-9]{1,4}|[.;:,|\n\t ]|\n\n| \\| |CLÁUSULA){0,120}") {
        let pages = [page(&text), Page { number: 2, ..page(&text) }];
        let found = chunks(&pages, &small(), &count);
        for number in [1, 2] {
            let mut at = 0;
            for chunk in found.iter().filter(|chunk| chunk.page == number) {
                proptest::prop_assert!(chunk.start <= at.max(chunk.start));
                if chunk.start > at {
                    proptest::prop_assert!(!text[at..chunk.start].contains(char::is_alphanumeric));
                }
                proptest::prop_assert_eq!(&chunk.text, &text[chunk.start..chunk.end]);
                proptest::prop_assert!(count(&chunk.text_to_embed()) <= 60);
                at = at.max(chunk.end);
            }
            proptest::prop_assert!(!text[at..].contains(char::is_alphanumeric));
        }
    }

    #[test]
    fn any_unicode_is_cut_alike_twice(text in "\\PC{0,400}") {
        proptest::prop_assert_eq!(cut(&text), cut(&text));
    }
}
