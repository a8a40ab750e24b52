//! Hands out disjoint parts of one output matrix to several threads, and runs work on the model's own threads.

use std::marker::PhantomData;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

/// A row-major matrix of which each thread writes its own columns.
pub(crate) struct Columns<'a> {
    start: *mut f32,
    rows: usize,
    stride: usize,
    whole: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer is to f32s that are exclusively borrowed for 'a; who writes where is the caller's contract.
#[expect(unsafe_code, reason = "threads write disjoint columns of one matrix")]
unsafe impl Send for Columns<'_> {}
// SAFETY: as above; a shared reference gives out nothing but the pointer.
#[expect(unsafe_code, reason = "threads write disjoint columns of one matrix")]
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
    /// Views `matrix` as rows of `stride` values.
    pub(crate) fn new(matrix: &'a mut [f32], stride: usize) -> Self {
        let rows = matrix.len().checked_div(stride).unwrap_or(0);
        Self { start: matrix.as_mut_ptr(), rows, stride, whole: PhantomData }
    }

    /// Values from one row to the next.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// The address of (`row`, `column`), with `width` columns and `count` rows asserted to lie inside.
    pub(crate) fn at(&self, row: usize, count: usize, column: usize, width: usize) -> *mut f32 {
        assert!(row + count <= self.rows && column + width <= self.stride, "inside the matrix");
        self.start.wrapping_add(row * self.stride + column)
    }

    /// Copies `values` to (`row`, `column`).
    pub(crate) fn write(&self, row: usize, column: usize, values: &[f32]) {
        let to = self.at(row, 1, column, values.len());
        #[expect(unsafe_code, reason = "threads write disjoint columns of one matrix")]
        // SAFETY: `at` asserts that the values lie inside, and no other thread writes these columns.
        unsafe {
            std::ptr::copy_nonoverlapping(values.as_ptr(), to, values.len());
        }
    }
}

/// The threads of one model. A model never uses the process's global pool, whose size nobody chose for it.
pub(crate) struct Workers {
    pool: rayon::ThreadPool,
    threads: usize,
}

/// More threads than any machine that this is for has cores.
const THREADS_MAX: usize = 256;

/// How much a model's threads stand back: on full cores what answers people and holds leases goes first (a tenth of its
/// weight, by sched(7)), and an idle core is theirs all the same.
const NICENESS: i32 = 10;

impl Workers {
    /// A pool of `threads` threads of lower priority.
    pub(crate) fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = threads.clamp(1, THREADS_MAX);
        let name = |index| format!("inference-{index}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(name);
        // On Linux this is the thread's own; one that must not stand back computes as fast as ever.
        let pool = pool.start_handler(|_| _ = rustix::process::nice(NICENESS)).build()?;
        Ok(Self { pool, threads })
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work` on one of the model's threads, from where [`Workers::each`] reaches the others.
    pub(crate) fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Calls `work` with each of `0..items`, side by side when the multiply-adds that it costs are worth it.
    pub(crate) fn each(&self, items: usize, multiply_adds: usize, work: impl Fn(usize) + Sync + Send) {
        if self.threads == 1 || items < 2 || multiply_adds < WORTH_SHARING {
            (0..items).for_each(work);
        } else {
            (0..items).into_par_iter().for_each(work);
        }
    }

    /// How many of `items` cheap items make a part worth a thread of its own.
    pub(crate) fn share(&self, items: usize) -> usize {
        items.div_ceil(self.threads * 2).max(PART_MIN)
    }

    /// Calls `work` with each part and its number, side by side when there are several.
    pub(crate) fn each_of<T: Send>(&self, parts: Vec<T>, work: impl Fn(usize, T) + Sync + Send) {
        if self.threads == 1 || parts.len() < 2 {
            parts.into_iter().enumerate().for_each(|(index, part)| work(index, part));
        } else {
            parts.into_par_iter().enumerate().for_each(|(index, part)| work(index, part));
        }
    }

    /// Calls `work` with each chunk of `values` and its number; for element-wise work, which costs about thirty
    /// multiply-adds a value.
    pub(crate) fn each_chunk(
        &self,
        values: &mut [f32],
        chunk: usize,
        work: impl Fn(usize, &mut [f32]) + Sync + Send,
    ) {
        if self.threads == 1 || values.len() * 30 < WORTH_SHARING {
            values.chunks_mut(chunk).enumerate().for_each(|(index, values)| work(index, values));
        } else {
            values.par_chunks_mut(chunk).enumerate().for_each(|(index, values)| work(index, values));
        }
    }
}

/// Below this many multiply-adds, waking another thread costs more than it saves (measured on decoding a 135M
/// model: 277 tokens/s on one thread, 106 on two without this limit, 295 with it).
const WORTH_SHARING: usize = 3_000_000;

/// Blocks of 16 or 32 values that a part has at least, for the same reason.
const PART_MIN: usize = 4096;
