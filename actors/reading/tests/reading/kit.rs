//! Starts readers and finds the shared data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use enabler_reading::{DocumentInfo, DocumentProblem, Limits, Page, PageProblem, Program, Reader, Settings};
use tokio::time::Instant;

/// What any file may take on a busy machine; hostile ones end far sooner, by the limits of CPU time below.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn program() -> Program {
    Program {
        executable: env!("CARGO_BIN_EXE_reading-child").into(),
        arguments: Vec::new(),
        environment: Vec::new(),
    }
}

/// Tight limits, so that the tests are quick.
pub(crate) fn limits() -> Limits {
    Limits { memory_bytes_max: 1 << 30, open_seconds_max: 5, page_seconds_max: 8, ..Limits::default() }
}

/// A reader with a folder for its files.
pub(crate) struct Desk {
    pub(crate) reader: Reader,
    folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::within(limits())
    }

    /// With the limits of the product and time to spare, for pages that OCR reads on a busy machine.
    pub(crate) fn generous() -> Self {
        Self::within(Limits { page_seconds_max: 60, ..Limits::default() })
    }

    pub(crate) fn within(limits: Limits) -> Self {
        Self { reader: Reader::spawn(program(), limits).unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) async fn open(&mut self, bytes: &[u8]) -> Result<DocumentInfo, DocumentProblem> {
        let path = self.put("file.pdf", bytes);
        self.reader.open(&path, Instant::now() + PATIENCE).await
    }

    pub(crate) async fn page(&mut self, number: u32) -> Result<Page, PageProblem> {
        self.reader.read_page(number, &Settings::default(), Instant::now() + PATIENCE).await
    }

    /// Opens a file and reads its first page.
    pub(crate) async fn read(&mut self, bytes: &[u8]) -> Result<Page, PageProblem> {
        self.open(bytes).await?;
        self.page(1).await
    }

    /// Fails unless a good file is read as ever.
    pub(crate) async fn still_reads(&mut self) {
        let page = self.read(&crate::files::good()).await.unwrap();
        assert_eq!(page.text, "Um documento simples e bom.");
    }
}

/// The shared data of the project, where this checkout has it; says so where not.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if found.exists() {
        return Some(found);
    }
    println!("skipped: {} is not here", found.display());
    None
}
