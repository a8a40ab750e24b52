use super::*;

fn id(number: u8) -> DocumentId {
    DocumentId([number; 16])
}

fn replace<'a>(number: u8, tenant: &'a str, texts: &[&'a str]) -> Change<'a> {
    let words = |(ordinal, text): (usize, &&'a str)| Words { ordinal: ordinal as u32, context: "", text };
    Change::Replace { document_id: id(number), tenant, chunks: texts.iter().enumerate().map(words).collect() }
}

fn found(index: &TextIndex, text: &str) -> Vec<(u8, u32)> {
    let hits = index.search(text, "acme", None, 10).unwrap();
    hits.into_iter().map(|(id, _)| (id.document_id.0[0], id.ordinal)).collect()
}

#[test]
fn changes_are_found_and_removals_are_not_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let index = TextIndex::open(dir.path()).unwrap();
    assert_eq!((index.applied_seq(), found(&index, "aluguel").len()), (0, 0));
    let lease = ["O aluguel mensal é de R$ 1.234,56.", "A multa rescisória é de três aluguéis."];
    index.commit(vec![replace(1, "acme", &lease), replace(2, "acme", &["Ata da assembleia"])], 7).unwrap();
    assert_eq!(found(&index, "qual a multa?"), [(1, 1)]);
    assert_eq!(found(&index, "1234,56"), [(1, 0)]);
    assert_eq!(found(&index, "RESCISORIAS"), [(1, 1)]);
    drop(index);
    let index = TextIndex::open(dir.path()).unwrap();
    assert_eq!((index.applied_seq(), index.len()), (7, 3));
    index.commit(vec![Change::Remove { document_id: id(1) }], 8).unwrap();
    assert_eq!((found(&index, "multa").len(), index.applied_seq()), (0, 8));
    assert_eq!(index.verify().unwrap(), None);
}

#[test]
fn another_tenant_and_other_documents_are_never_found() {
    let dir = tempfile::tempdir().unwrap();
    let index = TextIndex::open(dir.path()).unwrap();
    let text = ["prazo de sessenta dias"];
    let all = vec![replace(1, "acme", &text), replace(2, "other", &text), replace(3, "acme", &text)];
    index.commit(all, 1).unwrap();
    assert_eq!(found(&index, "prazo").len(), 2);
    let hits = index.search("prazo", "acme", Some(&[id(2), id(3)]), 10).unwrap();
    assert_eq!(hits.iter().map(|(hit, _)| hit.document_id).collect::<Vec<_>>(), [id(3)]);
}

#[test]
fn a_question_whose_words_are_missing_is_worth_little() {
    let dir = tempfile::tempdir().unwrap();
    let index = TextIndex::open(dir.path()).unwrap();
    let texts =
        ["O locatário paga o aluguel até o dia cinco.", "O seguro é do locador.", "Foro de Curitiba."];
    index.commit(vec![replace(1, "acme", &texts)], 1).unwrap();
    let best = |text| index.search(text, "acme", None, 1).unwrap().first().map_or(0.0, |hit| hit.1);
    assert!(best("Quando o locatário paga o aluguel?") > 0.6);
    assert!(best("Qual seguro cobre terremotos e vulcões submarinos?") < 0.4);
    assert!(best("vulcões").abs() < f32::EPSILON);
}

#[test]
fn many_commits_leave_few_segments_and_every_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let index = TextIndex::open(dir.path()).unwrap();
    for number in 1..=20 {
        index.commit(vec![replace(number, "acme", &["cláusula primeira"])], u64::from(number)).unwrap();
    }
    assert!(index.index.searchable_segment_metas().unwrap().len() <= SEGMENTS_MAX + 1);
    assert_eq!((index.len(), index.applied_seq()), (20, 20));
    assert_eq!(index.verify().unwrap(), None);
}
