//! The child process: opens one document after the other and reads the pages it is asked for.

mod limits;
pub(crate) mod protocol;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use crate::document;
use crate::highlight;
use crate::ocr::{self, Engine};
use crate::page::DocumentInfo;
use crate::problem::{DocumentProblem, PageProblem};
use crate::read::Open;
use crate::settings::Limits;
use crate::unread::Begun;
use hayro_interpret::hayro_syntax::Pdf;
use protocol::{Answer, REQUEST_BYTES_MAX, Request, frame, receive, send};

/// Stack of the thread that reads: deeply nested files take their depth from here.
const STACK_BYTES: usize = 64 << 20;

/// Runs the child: obeys the requests on standard input until it ends. What `rag-enabler reading-child` is.
#[expect(clippy::disallowed_methods, reason = "the child's one thread, which needs a stack of its own size")]
pub fn child_main() -> ExitCode {
    let work = || serve().map_or_else(|_| ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    let worker = thread::Builder::new().name("reading".to_owned()).stack_size(STACK_BYTES).spawn(work);
    worker.ok().and_then(|worker| worker.join().ok()).unwrap_or(ExitCode::FAILURE)
}

fn serve() -> io::Result<()> {
    let Some(Request::Begin(limits)) = receive(&mut io::stdin().lock(), REQUEST_BYTES_MAX)? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a child that was not told its limits"));
    };
    limits::confine(&limits)?;
    // A panic is answered as a problem of its page; its message would say nothing more to anyone.
    std::panic::set_hook(Box::new(|_| {}));
    ocr::silence();
    let mut child = Child { limits, engine: Engine::default() };
    child.answer(&Answer::Ready)?;
    let mut next = child.next()?;
    while let Some(request) = next {
        next = match request {
            Request::Open(path) => child.document(Path::new(&OsString::from_vec(path)))?,
            Request::Draw(_) => {
                child.answer(&Answer::Drawn(Err(DocumentProblem::Damaged.into())))?;
                child.next()?
            }
            Request::Mark(_) => {
                child.answer(&Answer::Marked(Err(DocumentProblem::Damaged)))?;
                child.next()?
            }
            Request::Read(..) | Request::Begin(_) => {
                child.answer(&Answer::Read(Err(DocumentProblem::Damaged.into())))?;
                child.next()?
            }
        };
    }
    Ok(())
}

struct Child {
    limits: Limits,
    engine: Engine,
}

impl Child {
    fn next(&self) -> io::Result<Option<Request>> {
        receive(&mut io::stdin().lock(), REQUEST_BYTES_MAX)
    }

    fn answer(&self, answer: &Answer) -> io::Result<()> {
        let most = self.limits.answer_bytes_max;
        let too_much = || frame(&Answer::Read(Err(PageProblem::TooMuchText)), most);
        let frame = frame(answer, most).or_else(too_much).unwrap_or_default();
        send(&mut io::stdout().lock(), &frame)
    }

    /// Serves one document; gives the request that is not for it.
    fn document(&mut self, path: &Path) -> io::Result<Option<Request>> {
        limits::allow_cpu(self.limits.open_seconds_max)?;
        let opened = catch_unwind(|| open(path, &self.limits)).unwrap_or(Err(DocumentProblem::Crashed));
        let (pdf, info) = match opened {
            Ok(opened) => opened,
            Err(problem) => {
                self.answer(&Answer::Opened(Err(problem)))?;
                return self.next();
            }
        };
        self.answer(&Answer::Opened(Ok(info)))?;
        let mut open = Open::new(&pdf);
        loop {
            match self.next()? {
                Some(Request::Read(number, settings)) => {
                    limits::allow_cpu(self.limits.page_seconds_max)?;
                    let (limits, engine) = (&self.limits, &mut self.engine);
                    let read =
                        catch_unwind(AssertUnwindSafe(|| open.read(number, &settings, limits, engine)));
                    let read = read.unwrap_or_else(|_| {
                        // Whatever was half done is thrown away.
                        (open, self.engine) = (Open::new(&pdf), Engine::default());
                        Err(PageProblem::Crashed)
                    });
                    self.answer(&match read {
                        Ok(Begun::Page(page)) => Answer::Read(Ok(*page)),
                        Ok(Begun::Unread(unread)) => Answer::Unread(unread),
                        Err(problem) => Answer::Read(Err(problem)),
                    })?;
                }
                Some(Request::Draw(picture)) => {
                    limits::allow_cpu(self.limits.page_seconds_max)?;
                    let drawn = catch_unwind(AssertUnwindSafe(|| open.draw(&picture, &self.limits)));
                    self.answer(&Answer::Drawn(drawn.unwrap_or(Err(PageProblem::Crashed))))?;
                }
                Some(Request::Mark(highlights)) => {
                    // The file is read twice, as it is and as it becomes.
                    limits::allow_cpu(self.limits.open_seconds_max.saturating_mul(2))?;
                    let marked = catch_unwind(AssertUnwindSafe(|| {
                        let file = bytes_of(path, &self.limits)?;
                        highlight::mark(&file, &pdf, &highlights, self.limits.pages_max)
                    }));
                    self.answer(&Answer::Marked(marked.unwrap_or(Err(DocumentProblem::Crashed))))?;
                }
                other => return Ok(other),
            }
        }
    }
}

fn open(path: &Path, limits: &Limits) -> Result<(Pdf, DocumentInfo), DocumentProblem> {
    document::load(bytes_of(path, limits)?, limits.pages_max)
}

fn bytes_of(path: &Path, limits: &Limits) -> Result<Vec<u8>, DocumentProblem> {
    let file = File::open(path).map_err(|_| DocumentProblem::Unavailable)?;
    let length = file.metadata().map_err(|_| DocumentProblem::Unavailable)?.len();
    if length > limits.file_bytes_max {
        return Err(DocumentProblem::TooLarge { bytes: length, max: limits.file_bytes_max });
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // It may have grown since it was measured.
    let read = file.take(limits.file_bytes_max).read_to_end(&mut bytes);
    read.map_err(|_| DocumentProblem::Unavailable)?;
    Ok(bytes)
}
