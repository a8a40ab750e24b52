//! Rows of one table, and the Parquet file that they make. Pure.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// What a column holds; any may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Whole,
    Real,
    Flag,
    /// Unix milliseconds.
    Moment,
}

/// One value of a row; `None` is one that is not known or was not asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Text(Option<String>),
    Whole(Option<i64>),
    Real(Option<f64>),
    Flag(Option<bool>),
    Moment(Option<i64>),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(Some(text.into()))
    }

    pub(crate) fn whole(number: impl TryInto<i64>) -> Self {
        Self::Whole(number.try_into().ok())
    }

    pub(crate) fn moment(unix_ms: u64) -> Self {
        Self::Moment(unix_ms.try_into().ok())
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        match self {
            Self::Text(Some(text)) => 40 + text.len(),
            _ => 40,
        }
    }
}

/// The columns of a table, in order.
pub(crate) type Columns = &'static [(&'static str, Kind)];

/// One row, in the order of its table's columns.
pub(crate) type Row = Vec<Cell>;

/// About how much memory a row takes.
pub(crate) fn bytes_of(row: &Row) -> usize {
    row.iter().map(Cell::bytes).sum()
}

fn schema(name: &str, columns: Columns) -> String {
    let lines = columns.iter().map(|(column, kind)| match kind {
        Kind::Text => format!("  optional binary {column} (STRING);\n"),
        Kind::Whole => format!("  optional int64 {column};\n"),
        Kind::Real => format!("  optional double {column};\n"),
        Kind::Flag => format!("  optional boolean {column};\n"),
        Kind::Moment => format!("  optional int64 {column} (TIMESTAMP(MILLIS,true));\n"),
    });
    format!("message {name} {{\n{}}}", lines.collect::<String>())
}

/// A Parquet file of one row group with `rows` of the table `name`.
pub(crate) fn file(name: &str, columns: Columns, rows: &[Row]) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(&schema(name, columns))?);
    // Snappy is the one codec that every reader of Parquet knows.
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (at, (_, kind)) in columns.iter().enumerate() {
        column(&mut group, *kind, rows.iter().map(|row| row.get(at)))?;
    }
    group.close()?;
    writer.into_inner()
}

fn column<'a>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    kind: Kind,
    cells: impl Iterator<Item = Option<&'a Cell>>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("a table has fewer columns than its rows have cells".to_owned());
    let mut writer = group.next_column()?.ok_or_else(missing)?;
    match kind {
        Kind::Text => {
            let (values, levels) = split(cells, |cell| match cell {
                Cell::Text(text) => text.as_deref().map(ByteArray::from),
                _ => None,
            });
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
        Kind::Whole | Kind::Moment => {
            let (values, levels) = split(cells, |cell| match cell {
                Cell::Whole(number) | Cell::Moment(number) => *number,
                _ => None,
            });
            writer.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        }
        Kind::Real => {
            let (values, levels) = split(cells, |cell| match cell {
                Cell::Real(number) => *number,
                _ => None,
            });
            writer.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        }
        Kind::Flag => {
            let (values, levels) = split(cells, |cell| match cell {
                Cell::Flag(flag) => *flag,
                _ => None,
            });
            writer.typed::<BoolType>().write_batch(&values, Some(&levels), None)?;
        }
    }
    writer.close()
}

/// The values that are there, and for each row whether it has one.
fn split<'a, T>(
    cells: impl Iterator<Item = Option<&'a Cell>>,
    value: impl Fn(&Cell) -> Option<T>,
) -> (Vec<T>, Vec<i16>) {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        let found = cell.and_then(&value);
        levels.push(i16::from(found.is_some()));
        values.extend(found);
    }
    (values, levels)
}
