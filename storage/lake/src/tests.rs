use std::sync::Arc;

use bytes::Bytes;
use enabler_storage::log::{Cluster, create_cluster};
use enabler_storage::objects::{Key, Memory, ObjectStore};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row as Read};

use super::*;
use crate::table::{Cell, Columns, Kind, file};

const COLUMNS: Columns = &[
    ("name", Kind::Text),
    ("number", Kind::Whole),
    ("share", Kind::Real),
    ("is_so", Kind::Flag),
    ("at", Kind::Moment),
];

fn read(bytes: Vec<u8>) -> Vec<Vec<Field>> {
    let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
    let rows: Vec<Read> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    rows.iter().map(|row| row.get_column_iter().map(|(_, field)| field.clone()).collect()).collect()
}

#[test]
fn what_is_read_from_a_file_is_what_was_put_there_and_nothing_is_where_nothing_was() {
    let rows = vec![
        vec![
            Cell::text("ação"),
            Cell::whole(-7_i64),
            Cell::Real(Some(0.5)),
            Cell::Flag(Some(true)),
            Cell::moment(1_800_000_000_123),
        ],
        vec![Cell::Text(None), Cell::Whole(None), Cell::Real(None), Cell::Flag(None), Cell::Moment(None)],
        vec![
            Cell::text(""),
            Cell::whole(u64::MAX),
            Cell::Real(Some(-1.0)),
            Cell::Flag(Some(false)),
            Cell::moment(0),
        ],
    ];
    let read = read(file("things", COLUMNS, &rows).unwrap());
    let full = vec![
        Field::Str("ação".to_owned()),
        Field::Long(-7),
        Field::Double(0.5),
        Field::Bool(true),
        Field::TimestampMillis(1_800_000_000_123),
    ];
    let last = vec![
        Field::Str(String::new()),
        // A number that no column holds is not another number.
        Field::Null,
        Field::Double(-1.0),
        Field::Bool(false),
        Field::TimestampMillis(0),
    ];
    assert_eq!(read, [full, vec![Field::Null; 5], last]);
}

#[test]
fn a_table_without_rows_is_a_file_with_its_columns() {
    let reader = SerializedFileReader::new(Bytes::from(file("things", COLUMNS, &[]).unwrap())).unwrap();
    let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
    assert_eq!(names, COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_export_never_mixes_with_another_one() {
    let (from, to): (Arc<dyn ObjectStore>, Arc<dyn ObjectStore>) =
        (Arc::new(Memory::new()), Arc::new(Memory::new()));
    let options = Options::default();
    assert!(matches!(export(from.clone(), to.clone(), options).await, Err(ExportError::Nothing)));
    let cluster = Cluster { shard_count: 2, hash_seed: 7, format_version: 1 };
    let _ = create_cluster(&*from, &cluster).await.unwrap();
    let _ = from.put_new(&Key::new("v1/rules/generic.rules").unwrap(), "# nothing".into()).await;
    let done = export(from.clone(), to.clone(), options).await.unwrap();
    assert_eq!((done.files, done.documents), (1, 0));
    assert!(matches!(export(from.clone(), to.clone(), options).await, Err(ExportError::Taken { .. })));
    let other = Key::new("notes/mine.txt").unwrap();
    let _ = to.put_new(&other, "mine".into()).await;
    export(from, to.clone(), Options { replace: true, ..options }).await.unwrap();
    assert!(to.get(&other).await.unwrap().is_some(), "what is not of an export stays");
}
