//! The parent's side: keeps one child process that reads, ends it when it must, and says what went wrong.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::child::protocol::{Answer, REQUEST_BYTES_MAX, Request, frame, message};
use crate::highlight::{Highlights, Marked};
use crate::page::{DocumentInfo, Page};
use crate::picture::Picture;
use crate::problem::{DocumentProblem, PageProblem};
use crate::settings::{Limits, Settings};
use crate::unread::Begun;

/// What is kept of a child's standard error: the last words of a dying process fit in it.
const LAST_WORDS_BYTES: usize = 4 << 10;

/// How long a child may take to start and set its limits.
const START_TIME: Duration = Duration::from_secs(20);

/// How long an ended child may take to be buried.
const BURIAL_TIME: Duration = Duration::from_secs(5);

/// The program whose process reads: as a rule this one again, told to be a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The file to execute.
    pub executable: PathBuf,
    /// Its arguments, as `reading-child`.
    pub arguments: Vec<OsString>,
    /// Its whole environment, beside `OMP_THREAD_LIMIT=1`; `TESSDATA_PREFIX` where language data lies elsewhere.
    pub environment: Vec<(OsString, OsString)>,
}

/// A child process that reads documents, one at a time. When it dies of a file, the next request gets a fresh one; when
/// somebody kills it, what it was doing is done again by another, once. Dropping the reader, or a future of its methods,
/// ends it.
#[derive(Debug)]
pub struct Reader {
    program: Program,
    limits: Limits,
    running: Option<Running>,
    open: Option<Opened>,
    killed: u32,
}

/// The document that a fresh child must open again.
#[derive(Clone, Debug)]
struct Opened {
    path: PathBuf,
    until: Instant,
}

impl Reader {
    /// Starts a child within `limits`. Must be called within a tokio runtime. The only error is
    /// [`DocumentProblem::NoReader`].
    pub fn spawn(program: Program, limits: Limits) -> Result<Self, DocumentProblem> {
        let running = Some(Running::start(&program)?);
        Ok(Self { program, limits, running, open: None, killed: 0 })
    }

    /// The process id of the child, while there is one.
    pub fn process(&self) -> Option<u32> {
        self.running.as_ref().and_then(|running| running.child.id())
    }

    /// Children that were killed from outside since this was asked last.
    pub fn take_killed(&mut self) -> u32 {
        std::mem::take(&mut self.killed)
    }

    /// Opens the PDF at `path`, which stays where it is until the last page is read.
    pub async fn open(&mut self, path: &Path, deadline: Instant) -> Result<DocumentInfo, DocumentProblem> {
        let until = Instant::now() + self.limits.document_time();
        self.open = None;
        if Instant::now() >= deadline.min(until) {
            return Err(DocumentProblem::TimedOut);
        }
        let info = self.open_in_child(path, deadline.min(until)).await?;
        self.open = Some(Opened { path: path.to_owned(), until });
        Ok(info)
    }

    /// Reads page `number`, counted from 1, of the document opened last.
    pub async fn read_page(
        &mut self,
        number: u32,
        settings: &Settings,
        deadline: Instant,
    ) -> Result<Page, PageProblem> {
        match self.begin_page(number, settings, deadline).await? {
            Begun::Page(page) => Ok(*page),
            Begun::Unread(_) => Err(PageProblem::Crashed),
        }
    }

    /// As [`Reader::read_page`]; where `settings` say that somebody else recognises, a page that needs it is given as a picture.
    pub async fn begin_page(
        &mut self,
        number: u32,
        settings: &Settings,
        deadline: Instant,
    ) -> Result<Begun, PageProblem> {
        match self.of_page(&Request::Read(number, settings.clone()), deadline).await? {
            Answer::Read(read) => read.map(Begun::page),
            Answer::Unread(unread) => Ok(Begun::Unread(unread)),
            _ => Err(PageProblem::Crashed),
        }
    }

    /// Draws a page of the document opened last, as a PNG.
    pub async fn draw_page(&mut self, picture: &Picture, deadline: Instant) -> Result<Vec<u8>, PageProblem> {
        match self.of_page(&Request::Draw(picture.clone()), deadline).await? {
            Answer::Drawn(drawn) => drawn,
            _ => Err(PageProblem::Crashed),
        }
    }

    /// Marks passages in the document opened last.
    pub async fn mark(
        &mut self,
        highlights: &Highlights,
        deadline: Instant,
    ) -> Result<Marked, DocumentProblem> {
        match self.of_page(&Request::Mark(highlights.clone()), deadline).await {
            Ok(Answer::Marked(marked)) => marked,
            Ok(_) => Err(DocumentProblem::Crashed),
            Err(PageProblem::Document { problem }) => Err(problem),
            Err(PageProblem::OutOfMemory) => Err(DocumentProblem::OutOfMemory),
            Err(PageProblem::TimedOut) => Err(DocumentProblem::TimedOut),
            Err(_) => Err(DocumentProblem::Crashed),
        }
    }

    async fn of_page(&mut self, request: &Request, deadline: Instant) -> Result<Answer, PageProblem> {
        let Some(open) = self.open.clone() else { return Err(DocumentProblem::Unavailable.into()) };
        if Instant::now() >= open.until {
            return Err(DocumentProblem::TimedOut.into());
        }
        let deadline = deadline.min(open.until);
        let mut answer = self.ask_of(&open.path, request, deadline).await?;
        if let Err(Death::Killed) = answer {
            answer = self.ask_of(&open.path, request, deadline).await?;
        }
        answer.map_err(|death| match death {
            Death::Memory | Death::Killed => PageProblem::OutOfMemory,
            Death::Time => PageProblem::TimedOut,
            Death::Depth | Death::Crash => PageProblem::Crashed,
            Death::NotStarted => DocumentProblem::NoReader.into(),
        })
    }

    /// Asks the child something of the document at `path`, which it opens first if it does not have it open.
    async fn ask_of(
        &mut self,
        path: &Path,
        request: &Request,
        deadline: Instant,
    ) -> Result<Result<Answer, Death>, PageProblem> {
        if !self.running.as_ref().is_some_and(|running| running.document) {
            self.open_in_child(path, deadline).await?;
        }
        Ok(self.ask(request, deadline).await)
    }

    async fn open_in_child(
        &mut self,
        path: &Path,
        deadline: Instant,
    ) -> Result<DocumentInfo, DocumentProblem> {
        if let Some(running) = &mut self.running {
            running.document = false;
        }
        let request = Request::Open(path.as_os_str().as_bytes().to_vec());
        let mut answer = self.ask(&request, deadline).await;
        if let Err(Death::Killed) = answer {
            answer = self.ask(&request, deadline).await;
        }
        match answer {
            Ok(Answer::Opened(opened)) => {
                if let Some(running) = &mut self.running {
                    running.document = opened.is_ok();
                }
                opened
            }
            Ok(_) => Err(DocumentProblem::Crashed),
            Err(death) => Err(match death {
                Death::Memory | Death::Killed => DocumentProblem::OutOfMemory,
                Death::Time => DocumentProblem::TimedOut,
                Death::Depth => DocumentProblem::TooDeep,
                Death::Crash => DocumentProblem::Crashed,
                Death::NotStarted => DocumentProblem::NoReader,
            }),
        }
    }

    async fn ask(&mut self, request: &Request, deadline: Instant) -> Result<Answer, Death> {
        // Taken out, so that a caller who stops waiting ends the child, whose answer nobody would expect.
        let mut running = match self.running.take() {
            Some(running) if running.begun => running,
            fresh => {
                let mut running = match fresh {
                    Some(running) => running,
                    None => Running::start(&self.program).map_err(|_| Death::NotStarted)?,
                };
                let begin = Request::Begin(self.limits.clone());
                let ready =
                    running.exchange(&begin, self.limits.answer_bytes_max, Instant::now() + START_TIME).await;
                if !matches!(ready, Ok(Answer::Ready)) {
                    tracing::error!(program = %self.program.executable.display(), "the reading process did not start");
                    return Err(Death::NotStarted);
                }
                running.begun = true;
                running
            }
        };
        match running.exchange(request, self.limits.answer_bytes_max, deadline).await {
            Ok(answer) => {
                self.running = Some(running);
                Ok(answer)
            }
            Err(Lost::Late) => {
                running.end().await;
                Err(Death::Time)
            }
            Err(Lost::Gone) => {
                let death = running.bury().await;
                self.killed += u32::from(death == Death::Killed);
                Err(death)
            }
        }
    }
}

/// Why a child is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Memory,
    /// By the kernel that needed memory for somebody, or by a person: the document need not be why.
    Killed,
    Time,
    Depth,
    Crash,
    NotStarted,
}

/// Why no answer came.
enum Lost {
    Late,
    Gone,
}

#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    last_words: JoinHandle<Vec<u8>>,
    /// Whether it has set its limits.
    begun: bool,
    /// Whether it has the reader's document open.
    document: bool,
}

impl Running {
    fn start(program: &Program) -> Result<Self, DocumentProblem> {
        let spawned = Command::new(&program.executable)
            .args(&program.arguments)
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            // OpenMP's own threads compete with the pool that runs these processes.
            .env("OMP_THREAD_LIMIT", "1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.map_err(|error| {
            tracing::error!(program = %program.executable.display(), %error, "starting the reading process failed");
            DocumentProblem::NoReader
        })?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = streams else {
            return Err(DocumentProblem::NoReader);
        };
        let last_words = tokio::spawn(tail(errors));
        Ok(Self { child, input, output, last_words, begun: false, document: false })
    }

    async fn exchange(
        &mut self,
        request: &Request,
        bytes_max: u32,
        deadline: Instant,
    ) -> Result<Answer, Lost> {
        let talk = async {
            let request = frame(request, REQUEST_BYTES_MAX)?;
            self.input.write_all(&request).await.ok()?;
            let length = self.output.read_u32_le().await.ok().filter(|length| *length <= bytes_max)?;
            let mut body = vec![0; length as usize];
            self.output.read_exact(&mut body).await.ok()?;
            message::<Answer>(&body)
        };
        match timeout_at(deadline, talk).await {
            Ok(answer) => answer.ok_or(Lost::Gone),
            Err(_) => Err(Lost::Late),
        }
    }

    async fn end(mut self) {
        let _ = timeout(BURIAL_TIME, self.child.kill()).await;
    }

    async fn bury(mut self) -> Death {
        drop(self.input);
        let status = match timeout(BURIAL_TIME, self.child.wait()).await {
            Ok(Ok(status)) => Some(status),
            // Alive, but it no longer speaks the protocol.
            _ => {
                let _ = self.child.start_kill();
                None
            }
        };
        let words = timeout(BURIAL_TIME, self.last_words).await.ok().and_then(Result::ok).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let death = cause(status, &words);
        tracing::warn!(?status, ?death, last_words = words.trim(), "the reading process ended");
        death
    }
}

/// What a process died of, by how it ended and its last words.
fn cause(status: Option<ExitStatus>, words: &str) -> Death {
    const KILLED: i32 = 9;
    const CPU_EXCEEDED: i32 = 24;
    let memory = ["memory allocation of", "bad_alloc", "out of memory", "Cannot allocate memory"];
    match status.and_then(|status| status.signal()) {
        Some(CPU_EXCEEDED) => Death::Time,
        _ if memory.iter().any(|sign| words.contains(sign)) => Death::Memory,
        _ if words.contains("overflowed its stack") => Death::Depth,
        Some(KILLED) => Death::Killed,
        _ => Death::Crash,
    }
}

/// The last bytes of a stream.
async fn tail(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(count) = stream.read(&mut piece).await {
        if count == 0 {
            break;
        }
        kept.extend_from_slice(piece.get(..count).unwrap_or_default());
        kept.drain(..kept.len().saturating_sub(LAST_WORDS_BYTES));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_by_its_signal_and_its_last_words() {
        let by = |signal| Some(ExitStatus::from_raw(signal));
        assert_eq!(cause(by(24), ""), Death::Time);
        assert_eq!(cause(by(6), "memory allocation of 8589934592 bytes failed"), Death::Memory);
        assert_eq!(
            cause(by(6), "terminate called after throwing an instance of 'std::bad_alloc'"),
            Death::Memory
        );
        assert_eq!(cause(by(6), "thread 'reading' has overflowed its stack"), Death::Depth);
        assert_eq!(cause(by(9), ""), Death::Killed);
        assert_eq!(cause(by(9), "memory allocation of 64 bytes failed"), Death::Memory);
        assert_eq!(cause(by(11), ""), Death::Crash);
        assert_eq!(cause(None, ""), Death::Crash);
    }
}
