//! The OCR pool: workers that read pages, native or scanned, each through a child process of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::actor::Fault;
use enabler_cluster::address::Reply;
use enabler_cluster::pool::Craft;
use enabler_cluster::request::Request;
use enabler_cluster::tree::Seat;
use enabler_providers::{ProviderError, Reads};
use enabler_reading::{
    Begun, DocumentInfo, DocumentProblem, Highlights, Limits, Marked, Page, PageProblem, Picture, Program,
    Reader, Recognised, Recogniser, Settings, Source, Unread,
};
use enabler_telemetry::metrics;
use tokio::time::Instant;

/// Work for one worker.
#[derive(Debug)]
pub enum Job {
    /// Open a file and tell what it is.
    Open {
        /// The file, on this machine.
        file: PathBuf,
        /// Whoever waits.
        request: Request,
        /// What it is, or why it cannot be read.
        reply: Reply<Result<DocumentInfo, DocumentProblem>>,
    },
    /// Draw one page.
    Draw {
        /// The file, on this machine.
        file: PathBuf,
        /// How.
        picture: Picture,
        /// Whoever waits.
        request: Request,
        /// A PNG, or why there is none.
        reply: Reply<Result<Vec<u8>, PageProblem>>,
    },
    /// Mark passages in a file.
    Mark {
        /// The file, on this machine.
        file: PathBuf,
        /// What is marked.
        highlights: Box<Highlights>,
        /// Whoever waits.
        request: Request,
        /// What stands behind the file's own bytes, or why nothing does.
        reply: Reply<Result<Marked, DocumentProblem>>,
    },
    /// Read one page.
    Page {
        /// The file, on this machine.
        file: PathBuf,
        /// The page, from 1.
        number: u32,
        /// Whoever waits.
        request: Request,
        /// The page, or why it cannot be read.
        reply: Reply<Result<Page, PageProblem>>,
    },
}

/// How long another recogniser may take for one page, its throttling included.
const FAR_TIME_MAX: Duration = Duration::from_secs(60);

/// Somebody else who recognises pages.
#[derive(Debug, Clone)]
pub struct Far {
    /// Who, or why the settings do not suffice.
    pub recogniser: Result<Arc<dyn Reads>, String>,
    /// Whether tesseract reads a page in their place when they do not.
    pub falls_back: bool,
}

/// What the workers of the pool are given.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How the child process is started.
    pub program: Program,
    /// What it may use.
    pub limits: Limits,
    /// How pages are read.
    pub settings: Settings,
    /// Who recognises them, if not tesseract.
    pub far: Option<Far>,
}

/// A worker's child process and the file that it has open.
#[derive(Default)]
pub struct Tools {
    reader: Option<Reader>,
    open: Option<(PathBuf, DocumentInfo)>,
    /// Where it is told that a child ended.
    seat: Option<Arc<Seat>>,
}

impl Tools {
    /// Lets go of the child process.
    fn put_down(&mut self) {
        (self.reader, self.open) = (None, None);
    }
}

impl Craft for Reading {
    type Job = Job;
    type Tools = Tools;
    const KIND: &'static str = "ocr worker";

    // The reading itself ends a page that takes too long; behind that its worker is.
    const STUCK_AFTER: Duration = Duration::from_secs(180);

    fn name(job: &Job) -> &'static str {
        match job {
            Job::Open { .. } => "open_file",
            Job::Draw { .. } => "draw_page",
            Job::Page { .. } => "read_page",
            Job::Mark { .. } => "mark_file",
        }
    }

    fn trace(job: &Job) -> Option<Arc<str>> {
        match job {
            Job::Open { request, .. }
            | Job::Draw { request, .. }
            | Job::Page { request, .. }
            | Job::Mark { request, .. } => Some(request.trace.clone()),
        }
    }

    fn waited(&self, waited: Duration) {
        metrics::QUEUE_WAIT_SECONDS.took(["ocr"], waited);
    }

    async fn equip(&self, seat: &Arc<Seat>) -> Result<Tools, Fault> {
        Ok(Tools { seat: Some(seat.clone()), ..Tools::default() })
    }

    async fn work(&self, tools: &mut Tools, job: Job) -> Result<(), Fault> {
        match job {
            Job::Open { file, request, reply } => {
                if let Some(outcome) = self.within(tools, &request, Step::Open(&file)).await {
                    reply.send(match outcome {
                        Ok(Made::Opened(info)) => Ok(info),
                        Err(PageProblem::Document { problem }) => Err(problem),
                        _ => Err(DocumentProblem::Damaged),
                    });
                }
            }
            Job::Draw { file, picture, request, reply } => {
                if let Some(outcome) = self.within(tools, &request, Step::Draw(&file, &picture)).await {
                    let png =
                        |made| if let Made::Png(png) = made { Ok(png) } else { Err(PageProblem::Damaged) };
                    reply.send(outcome.and_then(png));
                }
            }
            Job::Mark { file, highlights, request, reply } => {
                if let Some(outcome) = self.within(tools, &request, Step::Mark(&file, &highlights)).await {
                    reply.send(match outcome {
                        Ok(Made::Marked(marked)) => Ok(marked),
                        Err(PageProblem::Document { problem }) => Err(problem),
                        _ => Err(DocumentProblem::Damaged),
                    });
                }
            }
            Job::Page { file, number, request, reply } => {
                if let Some(outcome) = self.within(tools, &request, Step::Page(&file, number)).await {
                    let page = |made| {
                        if let Made::Page(page) = made { Ok(*page) } else { Err(PageProblem::Damaged) }
                    };
                    reply.send(outcome.and_then(page));
                }
            }
        }
        Ok(())
    }

    fn rest(&self, tools: &mut Tools) {
        if tools.reader.is_some() {
            metrics::READING_CHILDREN_ENDED.one(["asked"]);
        }
        // Tesseract's models take 150 MB in the child; an idle node holds none.
        tools.put_down();
    }
}

enum Step<'a> {
    Open(&'a PathBuf),
    Page(&'a PathBuf, u32),
    Draw(&'a PathBuf, &'a Picture),
    Mark(&'a PathBuf, &'a Highlights),
}

impl Step<'_> {
    fn name(&self) -> &'static str {
        match self {
            Step::Open(_) => "open_file",
            Step::Page(..) => "read_page",
            Step::Draw(..) => "draw_page",
            Step::Mark(..) => "mark_file",
        }
    }
}

/// Whether a document's problem is that the child ended.
fn ends(problem: &DocumentProblem) -> bool {
    matches!(problem, DocumentProblem::OutOfMemory | DocumentProblem::Crashed)
}

/// Whether a problem is that the child ended.
fn has_ended(problem: &PageProblem) -> bool {
    match problem {
        PageProblem::OutOfMemory | PageProblem::Crashed => true,
        PageProblem::Document { problem } => ends(problem),
        _ => false,
    }
}

enum Made {
    Opened(DocumentInfo),
    Page(Box<Page>),
    Png(Vec<u8>),
    Marked(Marked),
}

type Outcome = Result<Made, PageProblem>;

/// Counts a reading process that ended of what it read.
fn count_end(problem: &PageProblem) {
    let reason = match problem {
        PageProblem::OutOfMemory | PageProblem::Document { problem: DocumentProblem::OutOfMemory } => {
            "memory"
        }
        PageProblem::TimedOut | PageProblem::Document { problem: DocumentProblem::TimedOut } => "time",
        PageProblem::Crashed | PageProblem::Document { problem: DocumentProblem::Crashed } => "crash",
        _ => return,
    };
    metrics::READING_CHILDREN_ENDED.one([reason]);
}

/// Counts a page by how its text was had. One that failed has failed as a picture: native text is read from its bytes.
fn count_page(page: &Result<Page, PageProblem>, began: Instant) {
    // It is read again, or its document is: neither is a page that failed.
    if let Err(PageProblem::RecogniserAway | PageProblem::RecogniserRefused) = page {
        return;
    }
    let (method, outcome) = match page.as_ref().map(|page| &page.source) {
        Ok(Source::Native | Source::Empty) => ("native", "read"),
        Ok(Source::Ocr { .. }) => ("ocr", "read"),
        Ok(Source::Failed { .. }) | Err(_) => ("ocr", "failed"),
    };
    metrics::PAGES.one([method, outcome]);
    metrics::PAGE_SECONDS.took([method], began.elapsed());
}

impl Reading {
    /// Runs a step while somebody waits for it; a step that is given up takes its child process with it.
    async fn within(&self, tools: &mut Tools, request: &Request, step: Step<'_>) -> Option<Outcome> {
        if request.ended().is_some() {
            return None;
        }
        let name = step.name();
        let outcome = tokio::select! {
            biased;
            () = request.cancel.cancelled() => None,
            outcome = self.step(tools, request, step) => Some(outcome),
        };
        if outcome.is_none() {
            if tools.reader.is_some() {
                metrics::READING_CHILDREN_ENDED.one(["asked"]);
            }
            tools.put_down();
        }
        let killed = tools.reader.as_mut().map_or(0, Reader::take_killed);
        for _ in 0..killed {
            metrics::READING_CHILDREN_ENDED.one(["killed"]);
        }
        // What was killed twice is told as too large, but no third process has ended.
        if let Some(Err(problem)) = &outcome
            && killed == 0
        {
            count_end(problem);
        }
        // The worker goes on with another child; what the file did to this one is the file's own failure.
        let why = match &outcome {
            Some(Err(problem)) if has_ended(problem) => Some(problem.code()),
            _ if killed > 0 => Some("killed"),
            _ => None,
        };
        if let (Some(why), Some(seat)) = (why, &tools.seat) {
            let fault = Fault::new(format!("the child process that reads has ended: {why}"));
            seat.failed_for(name, fault.reason.clone(), Some(fault.backtrace()), Some(&request.trace));
        }
        outcome
    }

    async fn step(&self, tools: &mut Tools, request: &Request, step: Step<'_>) -> Outcome {
        match step {
            Step::Open(file) => Ok(Made::Opened(self.open(tools, request, file, true).await?)),
            Step::Page(file, number) => {
                self.open(tools, request, file, false).await?;
                let reader = self.reader(tools)?;
                let began = Instant::now();
                let page = match &self.far {
                    None => reader.read_page(number, &self.settings, request.deadline).await,
                    Some(far) => self.read_far(reader, far, number, request.deadline).await,
                };
                count_page(&page, began);
                let page = page?;
                Ok(Made::Page(Box::new(page)))
            }
            Step::Draw(file, picture) => {
                self.open(tools, request, file, false).await?;
                Ok(Made::Png(self.reader(tools)?.draw_page(picture, request.deadline).await?))
            }
            Step::Mark(file, highlights) => {
                self.open(tools, request, file, false).await?;
                Ok(Made::Marked(self.reader(tools)?.mark(highlights, request.deadline).await?))
            }
        }
    }

    /// Reads a page whose characters, where it needs that, somebody else recognises.
    async fn read_far(
        &self,
        reader: &mut Reader,
        far: &Far,
        number: u32,
        deadline: Instant,
    ) -> Result<Page, PageProblem> {
        let elsewhere = Settings { recogniser: Recogniser::Elsewhere, ..self.settings.clone() };
        let unread = match reader.begin_page(number, &elsewhere, deadline).await? {
            Begun::Page(page) => return Ok(*page),
            Begun::Unread(unread) => unread,
        };
        let problem = match recognised(far, *unread, deadline).await {
            Ok(page) => return Ok(page),
            Err(problem) => problem,
        };
        if far.falls_back { reader.read_page(number, &self.settings, deadline).await } else { Err(problem) }
    }

    async fn open(
        &self,
        tools: &mut Tools,
        request: &Request,
        file: &PathBuf,
        fresh: bool,
    ) -> Result<DocumentInfo, PageProblem> {
        if let Some((open, info)) = &tools.open
            && open == file
            && !fresh
        {
            return Ok(info.clone());
        }
        tools.open = None;
        let was_there = tools.reader.is_some();
        let mut opened = self.reader(tools)?.open(file, request.deadline).await;
        // A child that has read other files may have been ended between them: that says nothing of this file.
        if was_there && opened.as_ref().is_err_and(ends) {
            tools.put_down();
            opened = self.reader(tools)?.open(file, request.deadline).await;
        }
        let info = opened.map_err(|problem| PageProblem::Document { problem })?;
        tools.open = Some((file.clone(), info.clone()));
        Ok(info)
    }

    fn reader<'a>(&self, tools: &'a mut Tools) -> Result<&'a mut Reader, PageProblem> {
        if tools.reader.is_none() {
            let spawned = Reader::spawn(self.program.clone(), self.limits.clone());
            tools.reader = Some(spawned.map_err(|problem| PageProblem::Document { problem })?);
        }
        let missing = PageProblem::Document { problem: DocumentProblem::NoReader };
        tools.reader.as_mut().ok_or(missing)
    }
}

async fn recognised(far: &Far, unread: Unread, deadline: Instant) -> Result<Page, PageProblem> {
    let recogniser = match &far.recogniser {
        Ok(recogniser) => recogniser,
        Err(why) => {
            tracing::error!(why, "no page can be recognised");
            return Err(PageProblem::RecogniserRefused);
        }
    };
    let until = deadline.min(Instant::now() + FAR_TIME_MAX);
    let words = recogniser.read(&unread.png, until).await.map_err(|error| {
        let problem = problem_of(&error);
        tracing::warn!(%error, code = problem.code(), falls_back = far.falls_back, "a page was not recognised");
        problem
    })?;
    let words = words.into_iter().map(|word| Recognised {
        text: word.text,
        rect: word.rect,
        confidence: word.confidence,
        line: word.line,
    });
    Ok(unread.with(words.collect(), recogniser.name()))
}

/// What a recogniser's error is to the page: it passes, it is the installation's, or it is the page's own. Pure.
fn problem_of(error: &ProviderError) -> PageProblem {
    match error {
        error if error.is_passing() => PageProblem::RecogniserAway,
        ProviderError::Refused { .. } | ProviderError::Settings(_) => PageProblem::RecogniserRefused,
        _ => PageProblem::Unrecognisable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recogniser_that_is_away_is_told_from_one_that_refuses_and_from_a_page_that_it_cannot_read() {
        let (provider, why) = ("textract", String::new());
        let away = [
            ProviderError::Overloaded { provider },
            ProviderError::TimedOut { provider },
            ProviderError::Unreachable { provider, address: String::new(), why: why.clone() },
        ];
        assert!(away.iter().all(|error| problem_of(error) == PageProblem::RecogniserAway));
        let refused =
            [ProviderError::Refused { provider, why: why.clone() }, ProviderError::Settings(why.clone())];
        assert!(refused.iter().all(|error| problem_of(error) == PageProblem::RecogniserRefused));
        let own = [
            ProviderError::Unfit { provider, why: why.clone() },
            ProviderError::Strange { provider, what: why },
        ];
        assert!(own.iter().all(|error| problem_of(error) == PageProblem::Unrecognisable));
    }
}
