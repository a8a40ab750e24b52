//! Pages of the scan set through the reading room's own child processes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use enabler_reading::{Limits, Ocr, Program, Reader, Settings};
use serde_json::{Value, json};

use crate::Failure;
use crate::report::row;

/// As long as a page may ever take here.
const PAGE_SECONDS: u64 = 120;

type Queue = Arc<Mutex<VecDeque<Value>>>;

pub(crate) fn measure(scans: &str, threads: &str, pages_per_file: &str, out: &str) -> Result<(), Failure> {
    let (scans, threads, most) = (PathBuf::from(scans), threads.parse()?, pages_per_file.parse::<u64>()?);
    let manifest: Vec<Value> = serde_json::from_slice(&std::fs::read(scans.join("manifest.json"))?)?;
    let wanted: VecDeque<Value> =
        manifest.into_iter().filter(|page| page["page"].as_u64() <= Some(most)).collect();
    let count = wanted.len() as f64;
    let queue = Arc::new(Mutex::new(wanted));
    let (began, cpu) = (Instant::now(), child_cpu_seconds()?);
    let runtime = tokio::runtime::Runtime::new()?;
    let read = runtime.block_on(async {
        let workers: Vec<_> =
            (0..threads).map(|_| tokio::spawn(worker(scans.clone(), Arc::clone(&queue)))).collect();
        let mut read = Vec::new();
        for worker in workers {
            read.extend(worker.await??);
        }
        Ok::<_, Failure>(read)
    })?;
    let wall = began.elapsed().as_secs_f64();
    let cpu = child_cpu_seconds()? - cpu;
    std::fs::write(out, serde_json::to_vec(&read)?)?;
    row("scans", count / wall, "pages/s", json!({"per_cpu_second": count / cpu, "pages": count}));
    Ok(())
}

/// One child process, which reads pages until none is left; it is ended and waited for at the end.
async fn worker(scans: PathBuf, queue: Queue) -> Result<Vec<Value>, Failure> {
    let program = Program {
        executable: std::env::current_exe()?,
        arguments: vec!["reading-child".into()],
        environment: Vec::new(),
    };
    let mut reader = Reader::spawn(program, Limits::default())?;
    let settings = Settings { ocr: Ocr::WhereNeeded, ..Settings::default() };
    let mut read = Vec::new();
    let mut open = PathBuf::new();
    while let Some(mut page) = queue.lock().ok().and_then(|mut queue| queue.pop_front()) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(PAGE_SECONDS);
        let path = scans.join(page["pdf"].as_str().ok_or("a page of the manifest has no file")?);
        if path != open {
            reader.open(&path, deadline).await?;
            open = path;
        }
        let number =
            page["page"].as_u64().and_then(|n| u32::try_from(n).ok()).ok_or("a page has no number")?;
        page["text"] = json!(reader.read_page(number, &settings, deadline).await?.text);
        read.push(page);
    }
    drop(reader);
    // The child's CPU time counts once the system has it as waited for.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(read)
}

/// CPU seconds of the children that have been waited for, from the kernel's record of this process.
fn child_cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(Path::new("/proc/self/stat"))?;
    // The name in brackets may hold spaces; after it, fields 16 and 17 are the children's ticks of 10 ms.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let tick = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    Ok(tick(13) + tick(14))
}
