//! Tables for analysts hold what the API says, row for row, and no words that were not asked for.

use std::collections::BTreeMap;
use std::path::Path;

use parquet::file::reader::SerializedFileReader;
use parquet::record::Field;
use reqwest::StatusCode;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::node::{Home, POLL, files_below};
use crate::papers::{note, sample};

const SAMPLES: [&str; 2] = ["parecer-licencas-rota-clara.pdf", "ata-solar-das-acacias.pdf"];
const QUESTIONS: [&str; 2] =
    ["Qual o prazo para substituir o Sabiá Chat?", "Quem foi eleita síndica do condomínio?"];
const GONE: [&str; 1] = ["A senha do cofre do armazem foi trocada por Ludovico Barra Funda."];

type Row = BTreeMap<String, Field>;

/// Every row of a table, over all days; each file must lie in the folder of its day.
fn table(dir: &Path, name: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for path in files_below(&dir.join(name)) {
        let reader = SerializedFileReader::try_from(path.as_path()).unwrap();
        for row in reader.into_iter() {
            let row = row.unwrap();
            rows.push(row.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect());
        }
    }
    rows
}

fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    match &row[name] {
        Field::Str(text) => text,
        other => panic!("{name} is {other:?}"),
    }
}

fn number(row: &Row, name: &str) -> u64 {
    match row[name] {
        Field::Long(number) => number.try_into().unwrap(),
        ref other => panic!("{name} is {other:?}"),
    }
}

fn moment(row: &Row, name: &str) -> OffsetDateTime {
    match row[name] {
        Field::TimestampMillis(ms) => {
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap()
        }
        ref other => panic!("{name} is {other:?}"),
    }
}

async fn export(home: &Home, to: &Path, more: &[&str]) -> Value {
    let mut command = home.command();
    let output = command.arg("export").arg("--to").arg(to).args(more).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn records(home: &Home) -> usize {
    let all = files_below(&home.data().join("store/v1/blob"));
    all.iter().filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("answer-")).count()
}

#[tokio::test]
async fn rows_and_values_of_an_export_are_those_of_the_api_and_words_are_there_when_asked_for() {
    let home = Home::new();
    home.settings("[answers]\nrecord = \"words\"\n");
    let node = home.start().await;
    let mut answers = Vec::new();
    for name in SAMPLES {
        let id = node.ready(name, sample(name)).await;
        for question in QUESTIONS {
            answers.push((id.clone(), question, node.answer(&id, question).await));
        }
    }
    let gone = node.ready("cofre.pdf", note(&GONE)).await;
    node.answer(&gone, "Quem trocou a senha do cofre?").await;
    while records(&home) < answers.len() + 1 {
        tokio::time::sleep(POLL).await;
    }
    assert_eq!(node.try_delete(&gone).await, Some(StatusCode::NO_CONTENT));
    while records(&home) > answers.len() {
        tokio::time::sleep(POLL).await;
    }

    let documents = node.documents().await;
    let dir = tempfile::tempdir().unwrap();
    let (plain, full) = (dir.path().join("plain"), dir.path().join("full"));
    let done = export(&home, &plain, &[]).await;
    let rows = table(&plain, "raw/documents");
    assert_eq!((rows.len(), done["documents"].as_u64()), (documents.len(), Some(documents.len() as u64)));
    for document in &documents {
        let id = document["id"].as_str().unwrap();
        let row = rows.iter().find(|row| text(row, "document_id") == id).unwrap();
        for name in ["filename", "status", "sha256"] {
            assert_eq!(text(row, name), document[name].as_str().unwrap());
        }
        for name in ["page_count", "word_count", "size_bytes"] {
            assert_eq!(number(row, name), document[name].as_u64().unwrap());
        }
        for (column, name) in [("created_at", "created_at"), ("processed_at", "processed_at")] {
            let told = OffsetDateTime::parse(document[name].as_str().unwrap(), &Rfc3339).unwrap();
            assert_eq!(moment(row, column), told);
        }
        let day = document["created_at"].as_str().unwrap().split('T').next().unwrap();
        assert!(plain.join(format!("raw/documents/day={day}")).is_dir());
        let chunks = table(&plain, "curated/chunks");
        let of_this = chunks.iter().filter(|chunk| text(chunk, "document_id") == id).count();
        assert_eq!(number(row, "chunk_count"), of_this as u64);
    }
    let told = table(&plain, "curated/answers");
    assert_eq!((told.len(), done["answers"].as_u64()), (answers.len(), Some(answers.len() as u64)));
    assert_eq!(table(&plain, "curated/verdicts").len(), answers.len());
    // Nothing of what documents, questions and answers say.
    let words = ["Sabi", "sindica", "síndica", "Dalva", "cofre", "Ludovico"];
    for file in files_below(&plain) {
        let bytes = std::fs::read(&file).unwrap();
        let said = String::from_utf8_lossy(&bytes);
        assert!(!words.iter().any(|word| said.contains(word)), "{} has words", file.display());
    }
    assert!(told.iter().all(|row| row["question"] == Field::Null && row["answer"] == Field::Null));

    export(&home, &full, &["--with-text"]).await;
    let (told, sources) = (table(&full, "curated/answers"), table(&full, "curated/sources"));
    for (id, question, answer) in &answers {
        let row =
            told.iter().find(|row| text(row, "document_id") == id && text(row, "question") == *question);
        let row = row.unwrap_or_else(|| panic!("{question} is not in {told:?}"));
        assert_eq!(text(row, "answer"), answer["answer"].as_str().unwrap());
        assert_eq!(row["answered"], Field::Bool(answer["answered"].as_bool().unwrap()));
        let mut ranked: Vec<&Row> =
            sources.iter().filter(|source| text(source, "answer_id") == text(row, "answer_id")).collect();
        ranked.sort_by_key(|source| number(source, "rank"));
        let pages: Vec<u64> = ranked.iter().map(|source| number(source, "page")).collect();
        let named = answer["sources"].as_array().unwrap();
        assert_eq!(pages, named.iter().map(|one| one["page"].as_u64().unwrap()).collect::<Vec<_>>());
        assert_eq!(number(row, "sources"), named.len() as u64);
    }
    let chunks = table(&full, "curated/chunks");
    let said: String = chunks.iter().map(|chunk| text(chunk, "text")).collect();
    assert!(said.contains("Dalva") && !said.contains("Ludovico"), "{said}");
    let files: Vec<Vec<u8>> =
        files_below(&full.join("raw/files")).iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert_eq!(files.len(), SAMPLES.len());
    assert!(SAMPLES.iter().all(|name| files.contains(&sample(name))));

    let mut command = home.command();
    let again = command.arg("export").arg("--to").arg(&full).output().await.unwrap();
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("--replace"));
    export(&home, &full, &["--replace"]).await;
    assert!(!full.join("raw/files").exists() || files_below(&full.join("raw/files")).is_empty());
    node.stop().await;
}

#[tokio::test]
async fn a_node_keeps_no_record_of_answers_unless_it_is_told_to() {
    let home = Home::new();
    let node = home.start().await;
    let id = node.ready(SAMPLES[1], sample(SAMPLES[1])).await;
    node.answer(&id, QUESTIONS[1]).await;
    node.stop().await;
    assert_eq!(records(&home), 0);
}
